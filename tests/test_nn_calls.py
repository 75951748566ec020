"""Calls of torch.nn as text, each with the same outcome in both libraries: values, gradients, errors, warnings.

In a line, `;;` separates statements; the last one is the outcome. `V`, `I`, `Z` and `O` make floats, integers, zeros
and ones; `grad(out, *xs)` gives `out` and the gradients towards `xs` from an uneven weighting.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from tests.compare import same, torch, torchlike
from tests.nn_kit import SUMS, values

INITIALISERS = """
init.uniform_(Z(3,4))
init.normal_(Z(33,4),std=2.)
init.uniform_(Z(3,4), generator=None)
init.uniform_(Z(3, dtype=lib.int64))
init.normal_(Z(3, dtype=lib.int64))
init.normal_(Z(3), std=-1)
init.uniform_(Z(3), 1, 0)
init.trunc_normal_(Z(50), 5., 1., -2., 2.)
init.trunc_normal_(Z(50), 0., 1., 2., -2.)
init.trunc_normal_(Z(3, dtype=lib.bfloat16))
init.trunc_normal_(Z(30, dtype=lib.float64))
init.normal_(Z(30, dtype=lib.float64))
init.uniform_(Z(30, dtype=lib.float64))
init.uniform_(Z(30, dtype=lib.bfloat16))
init.normal_(Z(30, dtype=lib.bfloat16))
init.normal_(Z(30, dtype=lib.complex64))
init.kaiming_uniform_(Z(0,3))
init.kaiming_normal_(Z(0,3))
init.kaiming_uniform_(Z(3))
init.kaiming_uniform_(Z(3,4,2),a=1,mode="fan_out")
init.kaiming_normal_(Z(3,4,2),nonlinearity="tanh")
init.kaiming_normal_(Z(3,4),nonlinearity="foo")
init.kaiming_normal_(Z(3,4),mode="FAN_IN")
init.xavier_normal_(Z(3,4,2,2),gain=2)
init.xavier_uniform_(Z(()))
init.orthogonal_(Z(4,3),gain=2.)
init.orthogonal_(Z(2,3,4))
init.orthogonal_(Z(0,4))
init.sparse_(Z(10,4),.25)
init.sparse_(Z(10,4),1.5)
init.sparse_(Z(3,4,2),.2)
init.eye_(Z(3,4))
init.dirac_(Z(4,2,3),2)
init.dirac_(Z(4,2,3),3)
init.dirac_(Z(6,2,3,3,3),2)
init.constant_(Z(3, dtype=lib.int64), 2)
init.ones_(Z(3, dtype=lib.bool))
init.zeros_(O(2,2))
init.calculate_gain("selu")
init.calculate_gain("leaky_relu",True)
init.calculate_gain("leaky_relu",.3)
init.xavier_uniform(Z(3,4))
init.uniform(Z(3))
init.constant(Z(3),2.)
init._calculate_fan_in_and_fan_out(Z(3,4,5))
init._calculate_fan_in_and_fan_out(Z(3))
init._calculate_correct_fan(Z(3,4),"fan_out")
init._no_grad_uniform_(Z(3),0,1)
init.uniform_(nn.Parameter(Z(2,2)))
g=lib.Generator().manual_seed(3);; init.normal_(Z(3,3),generator=g)
g=lib.Generator().manual_seed(3);; init.orthogonal_(Z(3,3),generator=g)
g=lib.Generator().manual_seed(3);; init.trunc_normal_(Z(3,3),generator=g)
g=lib.Generator().manual_seed(3);; init.kaiming_uniform_(Z(3,3),generator=g)
g=lib.Generator().manual_seed(3);; init.sparse_(Z(4,3),.3,generator=g)
""".strip().splitlines()

LOSSES = """
x=V(4,5);; grad(F.kl_div(x,I(4,5)),x)
x=V(4,5);; grad(F.kl_div(x,I(4,5),log_target=True),x)
x=V(4,5);; grad(F.kl_div(x,I(4,5,dtype="int32"),reduction="batchmean"),x)
x=V(4,5);; grad(F.soft_margin_loss(x,I(4,5)*2-1),x)
x=V(4,5);; grad(F.soft_margin_loss(x,(I(4,5)>2)),x)
x=V(4,5);; grad(F.mse_loss(x,I(4,5)),x)
x=V(4,5);; grad(F.l1_loss(x,I(4,5)),x)
x=V(4,5);; grad(F.smooth_l1_loss(x,I(4,5)),x)
x=V(4,5);; grad(F.hinge_embedding_loss(x,I(4,5,n=2)*2-1),x)
x=V(4,5);; grad(F.poisson_nll_loss(x,I(4,5)),x)
x=V(4,5);; grad(F.gaussian_nll_loss(x,I(4,5),O(4,5)),x)
x=V(4,5);; grad(F.gaussian_nll_loss(x,V(4,5,seed=3),O(4)),x)
x=V(4,5);; grad(F.gaussian_nll_loss(x,V(4,5,seed=3),O(4,1),reduction="sum"),x)
x=V(4,5);; grad(F.gaussian_nll_loss(x,V(4,5,seed=3),O(1,5)),x)
x=V(4,5);; grad(F.gaussian_nll_loss(x,V(4,5,seed=3),-1.0),x)
x=V(4,5);; grad(F.gaussian_nll_loss(x,V(4,5,seed=3),2.0,reduction="foo"),x)
x=V(4,5);; grad(F.multilabel_soft_margin_loss(x,I(4,5,n=2)),x)
x=V(4,5);; grad(F.multilabel_margin_loss(x,I(4,5)-1),x)
x=V(4,5);; grad(F.multi_margin_loss(x,I(4),p=2,margin=.5,weight=O(5)),x)
x=V(4,5);; grad(F.multi_margin_loss(x,I(4),p=3),x)
x=V(4,5);; grad(F.cosine_embedding_loss(x,V(4,5,seed=4),I(4,n=2)*2-1),x)
x=V(4,5);; grad(F.margin_ranking_loss(x,V(4,5,seed=4),I(4,5,n=2)*2-1),x)
x=V(4,5);; grad(F.binary_cross_entropy(x.sigmoid(),I(4,5,n=2)),x)
x=V(4,5);; grad(F.binary_cross_entropy_with_logits(x,I(4,5,n=2).bool()),x)
x=V(4,5);; grad(F.binary_cross_entropy_with_logits(x,I(4,5,n=2).float(),pos_weight=O(3)),x)
F.mse_loss(V(3),V(3),reduction="foo")
F.l1_loss(V(3),V(3),reduction="foo")
F.smooth_l1_loss(V(3),V(3),reduction="foo")
F.huber_loss(V(3),V(3),reduction="foo")
F.kl_div(V(3),V(3),reduction="foo")
F.nll_loss(V(3,3),I(3,n=3),reduction="foo")
F.poisson_nll_loss(V(3),V(3),reduction="foo")
F.hinge_embedding_loss(V(3),O(3),reduction="foo")
F.soft_margin_loss(V(3),O(3),reduction="foo")
F.multilabel_margin_loss(V(3),I(3,n=3),reduction="foo")
F.multilabel_soft_margin_loss(V(3),O(3),reduction="foo")
F.multi_margin_loss(V(3,3),I(3,n=3),reduction="foo")
F.cosine_embedding_loss(V(3,3),V(3,3),O(3),reduction="foo")
F.triplet_margin_loss(V(3,3),V(3,3),V(3,3),reduction="foo")
F.margin_ranking_loss(V(3),V(3),O(3),reduction="foo")
F.binary_cross_entropy(V(3).sigmoid(),O(3),reduction="foo")
F.ctc_loss(V(5,2,4).log_softmax(2),I(2,3,n=3)+1,(5,5),(3,3),reduction="foo")
F.triplet_margin_with_distance_loss(V(3,3),V(3,3),V(3,3),reduction="foo")
F.mse_loss(V(3),V(3),reduction="batchmean")
F.kl_div(V(3),V(3),reduction="mean")
F.kl_div(V(3),V(3),size_average=False)
F.mse_loss(V(3),V(3),size_average=True,reduce=False)
nn.MSELoss(size_average=False)
nn.CrossEntropyLoss(reduce=False)(V(3,3),I(3,n=3))
nn.BCELoss(size_average=True)(V(3).sigmoid(),O(3))
F.cosine_embedding_loss(V(3,3),V(3,3),O(2))
F.cosine_embedding_loss(V(3,3),V(3,3),O(3,3))
F.cosine_embedding_loss(V(3),V(3),O(3))
F.margin_ranking_loss(V(3),V(2),O(3))
F.margin_ranking_loss(V(3,1),V(3,1),O(3))
F.triplet_margin_loss(V(3,3),V(3),V(3,3))
F.triplet_margin_loss(V(3,3),V(3,3),V(3,3),margin=-1)
F.triplet_margin_with_distance_loss(V(3,3),V(3,3),V(3,3),margin=-1)
nn.TripletMarginLoss(margin=-1)
nn.TripletMarginWithDistanceLoss(margin=0)
F.ctc_loss(V(5,2,4).log_softmax(2),I(2,3,n=3)+1,(5,6),(3,3))
F.ctc_loss(V(5,2,4).log_softmax(2),I(2,3,n=3)+1,(5,5),(3,4))
F.ctc_loss(V(5,2,4).log_softmax(2),I(2,3,n=3)+1,(5,),(3,3))
F.ctc_loss(V(5,2,4).log_softmax(2),I(2,3,n=3)+1,(5,5),(3,3),blank=4)
F.multilabel_margin_loss(V(2,3),I(2,4))
F.multi_margin_loss(V(2,3),I(2),weight=O(2))
F.multi_margin_loss(V(2,3),lib.tensor([0,3]))
F.nll_loss(V(2,3),lib.tensor([0,3]))
F.nll_loss(V(2,3),lib.tensor([0,-2]))
F.nll_loss(V(2,3),I(3,n=3))
F.nll_loss(V(2,3),I(2,2,n=3))
F.nll_loss(V(3),lib.tensor(1))
F.nll_loss(V(3),lib.tensor([1]))
F.nll_loss(V(2,3),I(2,n=3),weight=O(2))
F.nll_loss(V(0,3),I(0,n=3))
F.cross_entropy(V(0,3),I(0,n=3),reduction="sum")
F.cross_entropy(V(2,3),lib.tensor([0,1],dtype=lib.uint8))
F.hinge_embedding_loss(V(2,3),O(2,2))
F.soft_margin_loss(V(2,3),O(2,2))
F.poisson_nll_loss(V(2,3),O(2,2))
F.huber_loss(V(2,3),O(2,2))
F.smooth_l1_loss(V(2,3),O(1,3))
F.mse_loss(V(2,3),O(1,3),weight=O(3))
F.l1_loss(V(2,3),O(2,3),weight=O(2,3))
F.huber_loss(V(2,3),O(2,3),weight=O(2,3),reduction="none")
F.pairwise_distance(V(2,3),O(4,3))
F.cosine_similarity(V(2,3),O(4,3))
F.pdist(V(3))
nn.CTCLoss(zero_infinity=True)(V(2,1,4).log_softmax(2),I(1,3,n=3)+1,(2,),(3,))
nn.AdaptiveLogSoftmaxWithLoss(4,5,[2,1])
nn.AdaptiveLogSoftmaxWithLoss(4,6,[2,4])(V(3,4),lib.tensor([0,2,5]))
nn.AdaptiveLogSoftmaxWithLoss(4,6,[2,4])(V(3,4),lib.tensor([0,2]))
""".strip().splitlines()

LAYERS = """
nn.Linear(0,3)(Z(2,0))
nn.Linear(3,0)(Z(2,3))
x=V(2,0);; m=nn.Linear(0,3);; grad(m(x),x,m.weight)
nn.Conv2d(3,4,3)(Z(2,4,5,5))
nn.Conv2d(3,4,3)(Z(3,2,2))
nn.Conv2d(3,4,3)(Z(5,5))
nn.Conv1d(3,4,3)(Z(3))
nn.Conv2d(3,4,(3,3,3))(Z(1,3,5,5))
nn.Conv2d(3,4,3,dilation=0)(Z(1,3,5,5))
nn.Conv2d(3,4,0)(Z(1,3,5,5))
nn.Conv2d(3,4,3)(Z(0,3,5,5))
nn.Conv2d(0,4,3)
nn.ConvTranspose2d(3,4,3)(Z(2,4,5,5))
nn.ConvTranspose2d(3,4,3,stride=2)(Z(1,3,5,5),output_size=(20,20))
nn.ConvTranspose2d(3,4,3,stride=2)(Z(1,3,5,5),output_size=(12,))
nn.ConvTranspose2d(3,4,3,stride=2)(Z(1,3,5,5),output_size=(1,4,12,12))
nn.ConvTranspose2d(3,4,3,stride=2,output_padding=2)(Z(1,3,5,5))
nn.ConvTranspose2d(3,4,3,padding_mode="reflect")
nn.BatchNorm1d(3)(Z(1,3))
nn.BatchNorm1d(3)(Z(0,3))
nn.BatchNorm1d(3)(Z(2,4))
nn.BatchNorm1d(3)(Z(3))
nn.BatchNorm1d(3).eval()(Z(1,3))
nn.BatchNorm2d(3,track_running_stats=False)(Z(1,3,1,1))
nn.BatchNorm3d(3)(Z(1,3,2,2))
nn.BatchNorm1d(3).double()(Z(2,3))
nn.InstanceNorm1d(3)(Z(2,3,1))
nn.InstanceNorm1d(3)(Z(2,4,5))
nn.InstanceNorm2d(3,affine=True)(Z(2,4,5,5))
nn.InstanceNorm2d(3,track_running_stats=True)(V(2,4,5,5))
nn.InstanceNorm2d(3)(Z(2,5))
m=nn.InstanceNorm1d(3,track_running_stats=True);; [m(V(2,3,5)),m.running_mean,m.running_var,m.eval()(V(2,3,5))]
nn.LayerNorm(4)(Z(2,5))
nn.LayerNorm([3,4])(Z(2,4))
nn.LayerNorm(4)(V(0,4))
nn.GroupNorm(3,4)
nn.GroupNorm(2,4)(Z(2,5,3))
nn.GroupNorm(2,4)(Z(2,4))
nn.GroupNorm(2,4)(Z(1,4))
nn.GroupNorm(2,4)(V(0,4,2))
nn.GroupNorm(0,4)
nn.RMSNorm(4)(Z(2,5))
nn.LocalResponseNorm(2)(Z(2,3))
nn.Embedding(5,3)(lib.tensor([5]))
nn.Embedding(5,3)(lib.tensor([-1]))
nn.Embedding(5,3)(Z(2))
nn.Embedding(5,3)(I(2,3,dtype="int32"))
nn.Embedding(5,3,padding_idx=-1)
nn.Embedding(5,3,padding_idx=-6)
nn.Embedding(5,3,_weight=Z(4,3))
nn.Embedding.from_pretrained(Z(4))
nn.Embedding.from_pretrained(V(4,3,g=False),freeze=False)
m=nn.Embedding(5,3,max_norm=1.);; o=m(lib.tensor([0,1,1]));; [o,m.weight]
m=nn.Embedding(5,3,max_norm=1.,norm_type=1.);; o=m(lib.tensor([[4],[2]]));; [o,m.weight]
m=nn.Embedding(5,3,max_norm=1.,padding_idx=1,scale_grad_by_freq=True);; o=m(lib.tensor([0,1,1,0,2]));; \
grad(o,m.weight)+[m.weight]
F.embedding(lib.tensor([1,1,0]),V(5,3,g=False),max_norm=1.)
F.embedding(lib.tensor([1]),V(5,3),padding_idx=7)
F.embedding(lib.tensor([1]),V(5))
m=nn.EmbeddingBag(5,3,max_norm=1.);; o=m(lib.tensor([[0,1],[2,2]]));; [o,m.weight]
nn.EmbeddingBag(5,3)(lib.tensor([1,2]))
nn.EmbeddingBag(5,3)(lib.tensor([[1,2]]),lib.tensor([0]))
nn.EmbeddingBag(5,3)(lib.tensor([1,2]),lib.tensor([1]))
nn.EmbeddingBag(5,3)(lib.tensor([1,2]),lib.tensor([0,3]))
nn.EmbeddingBag(5,3)(lib.tensor([1,7]),lib.tensor([0]))
nn.EmbeddingBag(5,3,mode="max")(lib.tensor([1,2]),lib.tensor([0]),per_sample_weights=V(2,g=False))
nn.EmbeddingBag(5,3,mode="sum")(lib.tensor([1,2]),lib.tensor([0]),per_sample_weights=V(3,g=False))
nn.EmbeddingBag(5,3,mode="sum",include_last_offset=True)(lib.tensor([1,2,3]),lib.tensor([0,2,3]))
nn.EmbeddingBag(5,3,mode="max",scale_grad_by_freq=True)(lib.tensor([1]),lib.tensor([0]))
nn.EmbeddingBag(5,3)(lib.tensor([1,2,3]),lib.tensor([0,0,2],dtype=lib.int32))
nn.MultiheadAttention(5,2)
nn.MultiheadAttention(0,2)
nn.MultiheadAttention(4,2)(Z(3,4),Z(3,4),Z(3,2,4))
nn.MultiheadAttention(4,2)(Z(3,2,4),Z(3,2,4),Z(4,2,4))
nn.MultiheadAttention(4,2)(Z(3,2,5),Z(3,2,5),Z(3,2,5))
nn.MultiheadAttention(4,2)(Z(3,2,4),Z(3,2,4),Z(3,2,4),key_padding_mask=Z(2,4,dtype=lib.bool))
nn.MultiheadAttention(4,2)(Z(3,2,4),Z(3,2,4),Z(3,2,4),key_padding_mask=Z(2,3,dtype=lib.int64))
nn.MultiheadAttention(4,2)(Z(3,2,4),Z(3,2,4),Z(3,2,4),attn_mask=Z(3,4))
nn.MultiheadAttention(4,2)(Z(3,2,4),Z(3,2,4),Z(3,2,4),attn_mask=Z(2,3,3))
nn.MultiheadAttention(4,2)(Z(3,2,4),Z(3,2,4),Z(3,2,4),attn_mask=Z(3,3,dtype=lib.bool),key_padding_mask=Z(2,3))
nn.MultiheadAttention(4,2)(Z(3,2,4),Z(3,2,4),Z(3,2,4),is_causal=True)
x=V(3,2,4);; m=nn.MultiheadAttention(4,2,add_bias_kv=True,add_zero_attn=True);; \
o=m(x,x,x,key_padding_mask=lib.tensor([[False,False,True]]*2),attn_mask=V(4,3,3,g=False)[:,:,:]);; \
[o[0],o[1]]+grad(o[0],x,m.in_proj_weight,m.bias_k)
x=V(3,2,4);; m=nn.MultiheadAttention(4,2);; \
m(x,x,x,attn_mask=lib.ones(3,3,dtype=lib.bool).triu(1),is_causal=True,need_weights=False)
x=V(3,2,4);; m=nn.MultiheadAttention(4,2,kdim=3,vdim=2,dropout=.3);; m(x,V(5,2,3),V(5,2,2),need_weights=True)
x=V(2,3,4);; F.scaled_dot_product_attention(x,x,x,attn_mask=Z(3,3,dtype=lib.int64))
x=V(2,3,4);; F.scaled_dot_product_attention(x,x,x,attn_mask=Z(3,3),is_causal=True)
x=V(2,3,4);; F.scaled_dot_product_attention(x,x,V(2,4,4))
x=V(2,3,4);; F.scaled_dot_product_attention(x,V(2,3,5),x)
x=V(2,3,4);; F.scaled_dot_product_attention(x,x.double(),x)
x=V(4);; F.scaled_dot_product_attention(x,x,x)
F.scaled_dot_product_attention(V(2,4,3,4),V(2,2,5,4),V(2,2,5,4),enable_gqa=True)
F.scaled_dot_product_attention(V(2,3,3,4),V(2,2,5,4),V(2,2,5,4),enable_gqa=True)
F.scaled_dot_product_attention(V(2,3,4),V(2,3,4),V(2,3,4),dropout_p=.5)
nn.Transformer(4,2,1,1,8)(Z(3,2,4),Z(3,3,4))
nn.Transformer(4,2,1,1,8)(Z(3,2,5),Z(3,2,4))
nn.TransformerEncoderLayer(4,2,8,activation="tanh")
nn.TransformerEncoder(nn.TransformerEncoderLayer(4,2,8),2)
nn.TransformerEncoder(nn.TransformerEncoderLayer(4,2,8,batch_first=True),2,enable_nested_tensor=False)
nn.TransformerEncoder(nn.TransformerEncoderLayer(4,1,8,batch_first=True),2)
nn.TransformerEncoder(nn.TransformerEncoderLayer(4,2,8,batch_first=True,bias=False),2)
nn.TransformerEncoder(nn.TransformerEncoderLayer(4,2,8,batch_first=True,activation=F.silu),2)
nn.TransformerEncoderLayer(4,2,8)(Z(3,2,4),src_key_padding_mask=Z(2,3,dtype=lib.int64))
nn.TransformerEncoderLayer(4,2,8)(Z(3,2,4),src_mask=Z(3,3),src_key_padding_mask=Z(2,3,dtype=lib.bool))
nn.LSTM(3,4)(Z(5,2,3),(Z(1,2,4),Z(1,2,5)))
nn.LSTM(3,4)(Z(5,2,4))
nn.LSTM(3,4)(Z(5))
nn.LSTM(3,4,proj_size=4)
nn.LSTM(3,4,proj_size=-1)
nn.GRU(3,4,proj_size=2)
nn.GRU(3,4,num_layers=0)
nn.GRU(3,4,dropout=2)
nn.GRU(3,4,dropout=.5)
nn.GRU(0,4)
nn.RNN(3,4,nonlinearity="foo")
nn.GRU(3,4)(Z(5,2,3),Z(1,3,4))
nn.GRU(3,4)(Z(5,3),Z(1,1,4))
nn.GRU(3,4)(Z(5,2,3,dtype=lib.float64))
nn.GRUCell(3,4)(Z(2,3),Z(3,4))
nn.LSTMCell(3,4)(Z(2,3),(Z(2,4),Z(2,5)))
nn.LSTMCell(3,4)(Z(2,2,3))
nn.LSTMCell(3,4)(Z(2,3),(Z(2,2,2,4),Z(2,4)))
nn.RNNCell(3,4,nonlinearity="foo")(Z(2,3))
m=nn.LSTM(3,4,2,bidirectional=True,proj_size=2);; \
p=nn.utils.rnn.pack_sequence([V(4,3),V(2,3)],enforce_sorted=False);; o,(h,c)=m(p);; [o.data,h,c]
m=nn.GRU(3,4,2,bidirectional=True,batch_first=True);; \
p=nn.utils.rnn.pack_padded_sequence(V(3,5,3),[5,2,3],batch_first=True,enforce_sorted=False);; o,h=m(p,V(4,3,4));; \
[o.data,h,nn.utils.rnn.pad_packed_sequence(o,batch_first=True,total_length=6)]
nn.utils.rnn.pack_padded_sequence(V(5,3,3),[2,5,3])
nn.utils.rnn.pack_padded_sequence(V(5,3,3),[5,3])
nn.utils.rnn.pack_padded_sequence(V(5,3,3),[5,3,0])
nn.utils.rnn.pad_sequence([V(3,2),V(2,2)],padding_side="left",padding_value=7.)
nn.utils.rnn.pad_sequence([V(3,2),V(2,3)])
nn.utils.rnn.pad_sequence(V(3,2))
nn.utils.rnn.pad_packed_sequence(nn.utils.rnn.pack_sequence([V(4,3),V(2,3)]),total_length=2)
nn.utils.rnn.pack_sequence([V(2,3),V(4,3)])
nn.utils.rnn.PackedSequence(V(3,2),lib.tensor([2,1]))
""".strip().splitlines()



def names(lib) -> dict:
    """What a line can use."""

    def V(*shape, seed=1, dtype="float32", g=True):
        made = lib.tensor(values(shape, seed, dtype))
        return made.requires_grad_() if g and dtype.startswith("f") else made

    def I(*shape, n=5, seed=2, dtype="int64"):  # noqa: E743
        return lib.tensor(np.random.default_rng(seed).integers(0, n, shape).astype(dtype))

    def grad(out, *xs):
        w = lib.tensor(np.cos(np.arange(out.numel()) + 1.0).reshape(tuple(out.shape))).to(out.dtype)
        return [out, *lib.autograd.grad(out, xs, w, allow_unused=True)]

    nn = lib.nn
    return {
        "lib": lib, "nn": nn, "F": nn.functional, "init": nn.init, "Z": lib.zeros, "O": lib.ones, "V": V, "I": I,
        "grad": grad,
    }  # fmt: skip


def plain(text) -> str:
    return re.sub("0x[0-9a-f]+", "0x", str(text).replace("torchlike", "torch"))


def outcome(line: str, lib):
    """(error or None, result, warnings)."""
    lib.manual_seed(0)
    space = names(lib)
    *before, last = line.split(";;")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            for statement in before:
                exec(statement.strip(), space)
            result, error = eval(last.strip(), space), None
        except Exception as e:  # noqa: BLE001  the class is what is compared
            result, error = None, (type(e).__name__, plain(e))
    return error, result, sorted({(w.category.__name__, plain(w.message)) for w in caught})


@pytest.mark.parametrize("line", [*INITIALISERS, *LOSSES, *LAYERS])
def test_call(line: str):
    (our_error, ours, our_words), (error, theirs, words) = outcome(line, torchlike), outcome(line, torch)
    assert our_error == error
    assert our_words == words
    same(ours, theirs, rtol=SUMS)
