"""Operations of PyTorch without a public name, which hold for 2.8 to 2.13, against public ones."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from seqtext.nn import internals
from seqtext.nn.linear import packed, product
from seqtext.nn.precision import has_bfloat16

VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])
here = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this PyTorch is built without oneDNN"
)


@here
def test_they_are_there() -> None:
    assert VERSION >= (2, 8), "compare the operations of this version"
    assert internals.linear_pointwise is not None
    assert internals.reorder_linear_weight is not None
    assert internals.is_bf16_supported is not None


@here
@pytest.mark.parametrize("laid_out", [False, True])
def test_product_of_onednn(laid_out: bool) -> None:
    inputs, weight, bias = torch.randn(7, 24), torch.randn(40, 24), torch.randn(40)
    known = internals.reorder_linear_weight(weight, None) if laid_out else weight
    outputs = internals.linear_pointwise(inputs, known, bias, "none", [], "")
    assert_close(outputs, F.linear(inputs, weight, bias), rtol=1e-5, atol=1e-5)


@here
def test_bfloat16_is_told() -> None:
    assert isinstance(internals.is_bf16_supported(), bool)


@pytest.mark.parametrize("name", ["linear_pointwise", "reorder_linear_weight", "is_bf16_supported"])
def test_a_version_without_one_computes_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(internals, name, None)
    inputs, weight = torch.randn(7, 24), torch.randn(40, 24)
    for outputs in (product(inputs, weight), packed(weight)(inputs)):
        assert_close(outputs, F.linear(inputs, weight), rtol=1e-5, atol=1e-5)
    assert has_bfloat16() in (True, False)
