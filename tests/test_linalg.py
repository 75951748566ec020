"""Linear algebra beyond the operator database: errors and their words, named results, triangles, singular input."""

from __future__ import annotations

import pytest
from compare import check, normal, tensor, torch, torchlike

SQUARE, TALL, VECTOR = normal(3, 3), normal(3, 2, seed=1), normal(3, seed=2)
ZERO, ZEROS = tensor([[0.0] * 3] * 3), tensor([[[1.0, 0], [0, 1]], [[1, 2], [2, 4]]])
INTS, HALF = normal(3, 3, dtype="int64"), normal(3, 3, dtype="float16")

NAMES = (
    "det", "slogdet", "inv", "inv_ex", "cholesky", "cholesky_ex", "eig", "eigvals", "eigh", "eigvalsh", "qr", "svd",
    "svdvals", "lu_factor", "lu_factor_ex", "lu", "ldl_factor_ex", "matrix_exp", "pinv", "matrix_rank", "cond",
    "matrix_norm", "norm", "vector_norm",
)  # fmt: skip
BAD = {"vector": VECTOR, "tall": TALL, "ints": INTS, "half": HALF, "singular": ZERO}


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_taken(name):
    """Class and words of the errors; where there is none the result is tested by the operator database."""
    for what, sample in BAD.items():
        outcomes = []
        for lib in (torch, torchlike):
            try:
                getattr(lib.linalg, name)(sample._replace(requires_grad=False).build(lib))
                outcomes.append(None)
            except Exception as error:
                outcomes.append((type(error).__name__, str(error).replace("torchlike", "torch")))
        assert outcomes[1] == outcomes[0], what


ROWS = {
    "solve vector": (lambda lib, a, b: lib.linalg.solve(a, b), SQUARE, VECTOR),
    "solve from the right": (lambda lib, a, b: lib.linalg.solve(a, b, left=False), SQUARE, normal(2, 3)),
    "solve that does not fit": (lambda lib, a, b: lib.linalg.solve(a, b), SQUARE, normal(2, 3)),
    "solve two dtypes": (lambda lib, a, b: lib.linalg.solve(a, b), SQUARE, normal(3, dtype="float64")),
    "solve singular": (lambda lib, a, b: lib.linalg.solve(a, b), ZERO, VECTOR),
    "solve singular in a batch": (lambda lib, a, b: lib.linalg.solve(a, b), ZEROS, normal(2, 2, 1)),
    "inverse in a batch": (lambda lib, a: lib.inverse(a), ZEROS),
    "info": (lambda lib, a: (lib.linalg.inv_ex(a).info, lib.linalg.lu_factor_ex(a).info), ZEROS),
    "info of cholesky": (lambda lib, a: lib.linalg.cholesky_ex(a).info, tensor([[4.0, 2, 0], [2, 1, 0], [0, 0, 1]])),
    "cholesky of a minor": (lambda lib, a: lib.linalg.cholesky(a), tensor([[4.0, 0, 0], [0, 1, 0], [0, 0, -1]])),
    "names": (lambda lib, a: [type(r).__name__ + str([hasattr(r, n) for n in names]) for r, names in (
        (lib.linalg.svd(a), ("U", "S", "Vh")), (lib.svd(a), ("U", "S", "V")), (lib.linalg.qr(a), ("Q", "R")),
        (lib.linalg.lu_factor(a), ("LU", "pivots")), (lib.linalg.slogdet(a), ("sign", "logabsdet")),
        (lib.linalg.inv_ex(a), ("inverse", "info")), (lib.linalg.eig(a), ("eigenvalues", "eigenvectors")),
    )], SQUARE),
    "pivots": (lambda lib, a: (lib.linalg.lu_factor(a).pivots, lib.lu(a)[1], lib.linalg.lu(a).P), SQUARE),
    "one triangle": (lambda lib, a: lib.linalg.eigvalsh(a, UPLO="U"), normal(4, 4, dtype="float64")),
    "unpack": (lambda lib, a: lib.lu_unpack(*lib.linalg.lu_factor(a)), normal(2, 3, 5, dtype="float64")),
    "mode": (lambda lib, a: lib.linalg.qr(a, mode="x"), TALL),
    "UPLO": (lambda lib, a: lib.linalg.eigh(a, UPLO="x"), SQUARE),
    "power": (lambda lib, a: (lib.matrix_power(a, 5), a.matrix_power(-2), lib.linalg.matrix_power(a, 0)),
              normal(3, 3, dtype="float64")),
    "power of ints": (lambda lib, a: lib.linalg.matrix_power(a, 3), INTS),
    "chain": (lambda lib, a, b: lib.chain_matmul(a, a, b), SQUARE, TALL),
    "chain that does not fit": (lambda lib, a, b: lib.linalg.multi_dot([a, b, a]), SQUARE, TALL),
    "nuclear norm": (lambda lib, a: (lib.norm(a, "nuc"), a.norm("nuc", dim=(0, 1))), TALL),
    "norm order": (lambda lib, a: lib.linalg.matrix_norm(a, 3), SQUARE),
    "norm that narrows": (lambda lib, a: lib.linalg.norm(a, dtype=lib.float16), SQUARE),
    "cond": (lambda lib, a: [lib.linalg.cond(a, p) for p in (None, 2, -2, 1, float("inf"), "fro", "nuc")],
             normal(3, 3, dtype="float64", requires_grad=False)),
    "cond singular": (lambda lib, a: lib.linalg.cond(a, 1), tensor([[1.0, 2], [2, 4]], requires_grad=False)),
    "lists in einsum": (lambda lib, a, b: lib.einsum(a, [0, 1], b, [1, 2], [2, 0]), SQUARE, TALL),
    "einsum of ints": (lambda lib, a: (lib.einsum("ij->i", a), lib.einsum("ij,jk->ik", a, a)),
                       normal(3, 3, dtype="int32")),
    "distances": (lambda lib, a, b: lib.cdist(a, b), normal(3, 2, dtype="float64"), normal(4, 2, dtype="float64")),
    "a distance of 0": (lambda lib, a: lib.cdist(a, a * 1, p=1.0), TALL),
    "keywords": (lambda lib, a: (lib.det(input=a), lib.linalg.det(A=a)), normal(3, 3, dtype="float64")),
    "out": (lambda lib, a: lib.linalg.inv(a, out=lib.empty(0)), normal(3, 3, requires_grad=False)),
    "lstsq": (lambda lib, a, b: lib.linalg.lstsq(a, b, driver="gelsd"), normal(4, 2, dtype="float64"),
              normal(4, 3, dtype="float64", seed=1)),
    "lstsq driver": (lambda lib, a, b: lib.linalg.lstsq(a, b, driver="x"), SQUARE, VECTOR),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_row(row):
    check(*row, rtol=2e-5 if any(getattr(s, "dtype", "") == "float32" for s in row[1:]) else 1e-10)


def test_ldl_of_indefinite_matrices():
    """Blocks of two and exchanges occur; what is put together again solves the system."""
    for seed in range(4):
        sample = normal(2, 7, 7, dtype="float64", seed=seed, requires_grad=False)
        for lib in (torch, torchlike):
            a = sample.build(lib)
            a = a + a.mT
            factors = lib.linalg.ldl_factor(a)
            solved = lib.linalg.ldl_solve(*factors, a @ lib.ones(2, 7, 1, dtype=lib.float64))
            assert (solved - 1).abs().max() < 1e-8
            if lib is torch:
                want = factors
        assert factors.pivots.tolist() == want.pivots.tolist()
        assert abs(factors.LD.numpy() - want.LD.numpy()).max() < 1e-10


@pytest.mark.parametrize("mode", ["complete", "r"])
def test_what_has_no_gradient(mode):
    for lib in (torch, torchlike):
        r = lib.linalg.qr(TALL.build(lib), mode=mode).R
        with pytest.raises(RuntimeError):
            r.sum().backward()


def test_singular_is_an_error_of_its_own():
    assert issubclass(torchlike.linalg.LinAlgError, RuntimeError)
    with pytest.raises(torchlike.linalg.LinAlgError):
        torchlike.zeros(2, 2).inverse()


def test_inside_a_transformation_of_jax():
    import jax

    def f(array):
        return torchlike.linalg.solve(torchlike.from_jax(array), torchlike.ones(2)).sum().jax()

    found = jax.grad(f)(jax.numpy.asarray([[2.0, 1], [0, 4]]))
    assert found.shape == (2, 2)
