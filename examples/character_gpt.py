"""Train a small GPT that writes text letter by letter, and let it write.

    python examples/character_gpt.py                      # on the help texts that Python ships with
    python examples/character_gpt.py --text book.txt      # on a file of yours
    python examples/character_gpt.py --resume             # go on from the checkpoint
    python examples/character_gpt.py --smoke              # a minute's worth, to see that it runs

A letter sees only those before it; the norms stand first, as in GPT-2 (Radford et al., 2019).
The script is ordinary PyTorch: with `import torch` in place of the next line it runs there unchanged.
"""

import torchlike as torch  # isort: skip

import argparse
import math
import os
import time
from pydoc_data import topics

from tqdm import trange

nn, F = torch.nn, torch.nn.functional


class Block(nn.Module):
    """Attention and two linear layers, each added to what came in: [batch, length, width] -> the same."""

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout)
        )

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)  # [batch, heads, length, width / heads]
            for part in self.qkv(self.norm1(x)).split(width, dim=2)
        )
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Letters to scores for the letter that follows: [batch, length] -> [batch, length, letters]."""

    def __init__(self, letters, context, width=96, heads=4, layers=3, dropout=0.1):
        super().__init__()
        self.context = context
        self.letters, self.places = nn.Embedding(letters, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[Block(width, heads, dropout) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters, bias=False)
        self.head.weight = self.letters.weight  # one table for reading and writing

        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, text):
        x = self.letters(text) + self.places(torch.arange(text.shape[1], device=text.device))
        return self.head(self.norm(self.blocks(x)))

    @torch.no_grad()
    def write(self, text, count, temperature=0.8):
        """`text` with `count` letters more, each drawn from what the model holds for likely."""
        self.eval()
        for _ in range(count):
            # always a whole window, so that there is one program: what stands behind the last letter is not seen
            seen = text[:, -self.context :]
            scores = self(F.pad(seen, (0, self.context - seen.shape[1])))[:, seen.shape[1] - 1]
            text = torch.cat([text, torch.multinomial(F.softmax(scores / temperature, -1), 1)], 1)
        self.train()
        return text


def windows(data, context, batch_size, device):
    """Random windows of the text, and the same one letter on."""
    starts = torch.randint(len(data) - context, (batch_size,))
    index = starts[:, None] + torch.arange(context + 1)
    part = data[index].to(device)
    return part[:, :-1], part[:, 1:]


@torch.no_grad()
def held_out_loss(model, data, batch_size, device, rounds=4):
    """Mean loss on text that was not trained on, over fixed windows."""
    model.eval()
    state = torch.get_rng_state()
    torch.manual_seed(1)
    total = 0.0
    for _ in range(rounds):
        text, following = windows(data, model.context, batch_size, device)
        total += F.cross_entropy(model(text).flatten(0, 1), following.flatten()).item()
    torch.set_rng_state(state)
    model.train()
    return total / rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", help="a text file; by default Python's own help texts")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--context", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=100, help="steps between looks at held-out text, and checkpoints")
    parser.add_argument("--prompt", default="The ")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--smoke", action="store_true", help="few steps of a tiny model")
    parser.add_argument("--out", default="runs/gpt", help="folder for the checkpoint")
    args = parser.parse_args()
    size = {"width": 32, "heads": 2, "layers": 2} if args.smoke else {}
    if args.smoke:
        args.steps, args.every, args.context = min(args.steps, 30), 15, 32

    os.makedirs(args.out, exist_ok=True)
    checkpoint = os.path.join(args.out, "checkpoint.pt")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    if args.text:
        with open(args.text, encoding="utf-8") as f:
            text = f.read()
    else:
        text = "\n".join(topics.topics.values())
    letters = sorted(set(text) | set(args.prompt))
    number = {letter: i for i, letter in enumerate(letters)}
    data = torch.tensor([number[letter] for letter in text])
    train, test = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]
    model = GPT(len(letters), args.context, **size).to(device)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=args.lr
    )
    warm = max(1, args.steps // 20)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min(1, (n + 1) / warm) * (0.1 + 0.45 * (1 + math.cos(math.pi * min(1, n / args.steps))))
    )
    done = 0
    if args.resume:
        saved = torch.load(checkpoint)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        scheduler.load_state_dict(saved["scheduler"])
        torch.set_rng_state(saved["random"])
        done = saved["step"]
        print(f"resumed after step {done}")
    print(f"{len(text):,} letters, {len(letters)} different; {sum(p.numel() for p in model.parameters()):,} parameters")

    start = time.time()
    bar = trange(done + 1, done + args.steps + 1, desc="training")
    for step in bar:
        text_in, following = windows(train, args.context, args.batch_size, device)
        loss = F.cross_entropy(model(text_in).flatten(0, 1), following.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")
        if step % args.every == 0 or step == done + args.steps:
            held_out = held_out_loss(model, test, args.batch_size, device)
            bits = held_out / math.log(2)  # for each letter
            bar.write(f"step {step:5d}  loss {loss.item():.3f}  held-out loss {held_out:.3f} ({bits:.2f} bits)")
            torch.save(
                {
                    "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(), "random": torch.get_rng_state(), "step": step,
                },
                checkpoint,
            )  # fmt: skip
    print(f"trained {args.steps} steps in {time.time() - start:.1f} s; saved {checkpoint}")
    prompt = torch.tensor([[number[letter] for letter in args.prompt]], device=device)
    written = model.write(prompt, 20 if args.smoke else 300)[0].tolist()
    print("".join(letters[i] for i in written))


if __name__ == "__main__":
    main()
