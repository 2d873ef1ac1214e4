"""The estimator and its commands with nothing but their own dependencies installed."""

import subprocess
import sys

EXTRAS = [
    *("torchvision", "skimage", "pandas", "PIL", "tabulate", "filelock", "matplotlib", "pyod"),
    *(
        "pyarrow",
        "dask",
        "distributed",
        "IPython",
        "jupytext",
        "papermill",
        "efficientnet_lite_pytorch",
    ),
]
BLOCKER = f"""
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {EXTRAS!r}:
            return self.finder.find_spec(name, path, target)
sys.meta_path = [Without(finder) for finder in sys.meta_path]
"""


def run(code, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-c", BLOCKER + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_the_estimator_needs_none_of_the_extras(tmp_path):
    done = run(
        """
import numpy as np
from cance import CANCE
from cance.baselines.dagmm import DAGMM
rng = np.random.default_rng(0)
quick = dict(stage1_steps=3, stage2_steps=3, nce_steps=3, device="cpu")
for x in (rng.normal(size=(100, 5)), rng.random((100, 1, 8, 8))):
    detector = CANCE(**quick).fit(x)
    detector.save(sys.argv[1])
    CANCE.load(sys.argv[1]).predict(x)
    detector.p_value(x), detector.explain(x)
CANCE(autoencoder="pca", **quick).fit(rng.normal(size=(100, 5)))
DAGMM(epochs=1, compression=(3, 1), device="cpu").fit(rng.normal(size=(100, 5)))
""",
        tmp_path / "model",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_commands_for_ones_own_rows_need_none_either(tmp_path):
    (tmp_path / "rows.csv").write_text(
        "id,a,b,c\n" + "".join(f"r{i},{i},{i * i % 17},{i % 5}\n" for i in range(100))
    )
    code = "from cance.__main__ import main; sys.exit(main(sys.argv[1:]))"
    steps = ["--set", "stage1_steps=3", "--set", "stage2_steps=3", "--set", "nce_steps=3"]
    done = run(code, "fit", "rows.csv", "--out", "model", *steps, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run(code, "score", "model", "rows.csv", cwd=tmp_path)
    assert len(done.stdout.splitlines()) == 101


NEED = {
    "score model rows.parquet": "tables",
    "fit pictures --out m": "images",
    "tables 7 --results records": "experiments",
    "run ablation --dataset digits": "experiments",
    "verify --results records": "experiments",
    "data": "experiments",
}


def test_what_needs_an_extra_names_it(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    (tmp_path / "rows.parquet").write_bytes(b"")
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "a.json").write_text("{}")
    done = run(
        f"""
import numpy as np
from cance import CANCE
quick = dict(stage1_steps=3, stage2_steps=3, nce_steps=3, device="cpu")
CANCE(**quick).fit(np.random.default_rng(0).normal(size=(100, 3))).save("model")
from cance.__main__ import main
for command in {list(NEED)!r}:
    print("==", command, "==", main(command.split()), file=sys.stderr)
for module in ("cance.pyod", "cance.plots", "cance.data.tables", "cance.results.tables"):
    try:
        __import__(module)
    except ImportError as error:
        print("==", module, "==", error, file=sys.stderr)
""",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    lines = iter(done.stderr.splitlines())
    for command, extra in NEED.items():
        assert f"pip install 'cance[{extra}]'" in next(lines)
        assert next(lines) == f"== {command} == 2"
    for module, extra in (
        ("pyod", "baselines"),
        ("plots", "plots"),
        ("data.tables", "experiments"),
        ("results.tables", "experiments"),
    ):
        line = next(lines)
        assert line.startswith(f"== cance.{module} == ")
        assert line.endswith(f"pip install 'cance[{extra}]'")


def test_the_declared_dependencies_are_the_ones_that_were_left():
    import tomllib
    from pathlib import Path

    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())[
        "project"
    ]
    names = {requirement.split(">")[0] for requirement in project["dependencies"]}
    assert names == {"torch", "numpy", "scipy", "scikit-learn", "safetensors", "tqdm"}
