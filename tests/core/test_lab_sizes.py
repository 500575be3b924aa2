"""The sizes of labs are counted by lab and by part."""

from benchmarks import lab_sizes


def test_each_file_counts_for_its_lab_and_its_parts(monkeypatch):
    """Every line counts, blank ones too; a folder of misconceptions and a single file are the same part."""
    texts = [
        (["labs", "mlp", "checks.py"], b"a\n\nb\n"),
        (["reference", "mlp", "misconceptions.py"], b"a\n"),
        (["reference", "cnn", "misconceptions", "one.py"], b"a\nb"),
        (["reference", "cnn", "variants", "loops", "layer.py"], b""),
    ]
    monkeypatch.setattr(lab_sizes, "_texts", lambda commit: iter(texts))
    sizes = lab_sizes.sizes("HEAD")
    assert sizes["mlp", "labs"] == (1, 3) and sizes["mlp", "labs and reference"] == (2, 4)
    assert sizes["cnn", "reference, its misconceptions"] == (1, 2) and sizes["cnn", "reference"] == (2, 2)
    assert sizes["all", "labs and reference"] == (4, 6) and ("mlp", "reference, its variants") not in sizes
