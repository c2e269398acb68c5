"""Files that cannot be read, and files that would unpack to far more than they are."""

import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bigpicture.weights import read
from bigpicture.weights.errors import WeightsError
from bigpicture.weights.read import read_weights


@pytest.fixture(params=[".pth", ".safetensors"])
def file(request, tmp_path) -> Path:
    file = tmp_path / f"file{request.param}"
    tensors = {"a.weight": torch.rand(3, 4)}
    if request.param == ".pth":
        torch.save(tensors, file)
    else:
        save_file(tensors, file)
    return file


def test_a_locked_file_is_not_called_damaged(file, monkeypatch):
    def locked(*_):
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(WeightsError, match=r"file\.\w+: cannot be read \(Permission denied\)"):
        read_weights(file)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(5, "Input/output error"), "Input/output error"),
        (MemoryError(), "not enough memory"),
        (MemoryError("9 bytes"), "9 bytes"),
    ],
    ids=repr,
)
def test_a_failure_while_reading_is_not_called_damage(error, said, file, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(torch, "load", fail)
    monkeypatch.setattr(read, "safe_open", fail)
    with pytest.raises(WeightsError, match=rf"file\.\w+: cannot be read \({said}\)"):
        read_weights(file)


def test_memory_that_pytorch_does_not_get_is_not_called_damage(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")

    monkeypatch.setattr(torch, "load", fail)
    (tmp_path / "file.pth").touch()
    with pytest.raises(WeightsError, match=r"cannot be read \(.* can't allocate memory: you tried"):
        read_weights(tmp_path / "file.pth")


def test_the_warnings_of_other_threads_are_left_alone(tmp_path, monkeypatch):
    load, seen = torch.load, []

    def watched(*arguments, **options):
        seen.append(list(warnings.filters))
        return load(*arguments, **options)

    monkeypatch.setattr(torch, "load", watched)
    torch.save({"a.weight": torch.rand(3)}, tmp_path / "file.pth")
    read_weights(tmp_path / "file.pth")
    assert seen == [list(warnings.filters)]


def compressed(tensors: dict[str, torch.Tensor], folder: Path) -> Path:
    """Return a file of PyTorch of which each part is compressed."""
    torch.save(tensors, folder / "stored.pth")
    file = folder / "file.pth"
    with (
        zipfile.ZipFile(folder / "stored.pth") as stored,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for entry in stored.infolist():
            archive.writestr(entry.filename, stored.read(entry))
    return file


def test_a_compressed_file_loads_but_one_that_unpacks_to_any_size_does_not(tmp_path):
    weights = {"a.weight": torch.rand(1000)}
    found, _ = read_weights(compressed(weights, tmp_path))
    assert torch.equal(found["a.weight"], weights["a.weight"])
    bomb = compressed({"a.weight": torch.zeros(10**6)}, tmp_path)
    assert bomb.stat().st_size < 10**4
    with pytest.raises(WeightsError, match="would unpack to 4 MiB, more than 10 times its size"):
        read_weights(bomb)


def test_a_program_is_refused_as_code(tmp_path):
    with zipfile.ZipFile(tmp_path / "program.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "version"):
            archive.writestr(f"program/{name}", b"")
    with pytest.raises(WeightsError, match="could run code; in that case, save its state_dict"):
        read_weights(tmp_path / "program.pt")


def test_numbers_of_an_unknown_type_are_named(tmp_path, monkeypatch):
    save_file({"a.weight": torch.rand(3).bfloat16()}, tmp_path / "file.safetensors")
    monkeypatch.delattr(torch, "bfloat16")
    with pytest.raises(WeightsError, match="type that this PyTorch does not have .*bfloat16"):
        read_weights(tmp_path / "file.safetensors")
