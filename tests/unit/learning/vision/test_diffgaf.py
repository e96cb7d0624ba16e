"""Differentiable images: three forms agree, and so do gradients and finite differences."""

import numpy as np
import pytest
import torch

from janus_trader.contracts.errors import ConfigError
from janus_trader.learning.vision.diffgaf import DiffGAF, PolarAngle, WindowFields, polar_fields
from janus_trader.learning.vision.normalisation import LearnableNormalisation
from janus_trader.numerics.gramian_video import gramian_video

FORMS = ("compiled", "polar", "products")


def walks(seed, *shape):
    return torch.from_numpy(np.cumsum(np.random.default_rng(seed).standard_normal(shape), axis=-1))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("window", "size"), [(8, 8), (16, 8), (10, 7)])
def test_every_form_draws_the_same_images(form, window, size):
    x = walks(0, 3, window)
    exact = np.concatenate([gramian_video(row, window, 1, size) for row in x.numpy()])
    np.testing.assert_allclose(DiffGAF(window, size, form=form)(x).numpy(), exact, atol=2e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("normalisation", ["window", "learned"])
def test_gradient_agrees_with_finite_differences(form, normalisation):
    module = DiffGAF(9, 6, normalisation, form).double().eval()
    if module.normalisation is not None:
        module.normalisation.variance.fill_(4.0)
    x = walks(1, 2, 9).requires_grad_()
    assert torch.autograd.gradcheck(module, (x,), eps=1e-6, atol=1e-4, rtol=1e-4)


def test_gradient_reaches_gain_and_offset():
    module = DiffGAF(6, 6, "learned").double().eval()
    layer = module.normalisation
    x = walks(2, 2, 6)

    def drawn(gain, offset):
        return torch.func.functional_call(
            module, {"normalisation.gain": gain, "normalisation.offset": offset}, (x,)
        )

    start = (layer.gain.detach().clone().requires_grad_(), layer.offset.detach().clone().requires_grad_())
    assert torch.autograd.gradcheck(drawn, start, atol=1e-4)


def test_derivative_of_the_angle_is_that_of_the_specification():
    x = torch.tensor([-0.999, -0.3, 0.0, 0.5, 0.9], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(PolarAngle.apply(x).sum(), x)
    np.testing.assert_allclose(slope, -1 / np.sqrt(1 - x.detach().numpy() ** 2), rtol=1e-12)
    assert torch.autograd.gradcheck(PolarAngle.apply, (x,), atol=1e-4)


def test_compiled_gradient_is_that_of_the_angles():
    x = walks(3, 4, 12)
    weight = torch.from_numpy(np.random.default_rng(4).standard_normal((4, 2, 12, 12)))
    slopes = []
    for form in FORMS:
        at = x.clone().requires_grad_()
        slopes.append(torch.autograd.grad((DiffGAF(12, 12, form=form)(at) * weight).sum(), at)[0])
    np.testing.assert_allclose(slopes[1], slopes[2], atol=1e-9)
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-5, atol=1e-4)


def test_single_precision_keeps_its_type():
    x = walks(5, 2, 8).float().requires_grad_()
    out = WindowFields.apply(x)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == torch.float32


@pytest.mark.parametrize("form", FORMS)
def test_flat_windows_have_a_defined_image_and_no_slope(form):
    x = torch.full((1, 8), 4.6, dtype=torch.float64, requires_grad=True)
    image = DiffGAF(8, 4, form=form)(x)
    image.sum().backward()
    assert (image[:, 0] + 1).abs().max() < 1e-9
    assert image[:, 1].abs().max() < 1e-9
    assert torch.isfinite(x.grad).all()


def test_the_printed_order_loses_range():
    """Normalise, then average: a lone spike squeezes the image; average first uses all of [-1, 1]."""
    x = np.zeros(16)
    x[8] = 10.0
    ours = gramian_video(x, 16, 1, 4)[0, 0]
    normalised = 2 * x / 10.0 - 1
    printed = normalised.reshape(4, 4).mean(1)
    assert np.ptp(printed) == pytest.approx(0.5)
    assert np.ptp(ours) > 1.9


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError):
        DiffGAF(4, 5)


def test_normalisation_by_hand_and_its_domain():
    layer = LearnableNormalisation(2, momentum=0.5).double()
    x = torch.tensor([[0.0, 10.0], [2.0, 30.0]], dtype=torch.float64)
    y = layer(x)
    assert layer.mean.tolist() == [1.0, 20.0]
    np.testing.assert_allclose(y.detach(), np.tanh([[-1, -1], [1, 1]]), atol=1e-6)
    before = layer(x + 1.0)  # the second batch is normalised by the statistics before it
    np.testing.assert_allclose(before.detach(), np.tanh([[0, -0.9], [2, 1.1]]), atol=1e-6)
    assert layer.mean.tolist() == [1.5, 20.5]
    layer.eval()
    assert layer(x).tolist() == layer(x).tolist()
    assert layer.mean.tolist() == [1.5, 20.5]
    extreme = layer(torch.tensor([[1e9, -1e9]], dtype=torch.float64))
    np.testing.assert_allclose(extreme.detach(), [[1 - 1e-6, -1 + 1e-6]])
    assert torch.isfinite(polar_fields(extreme[0])).all()
