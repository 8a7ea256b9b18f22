"""The command as a process: its streams, signals and exit statuses."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from gpt2calc import ModelConfig, count, exercise
from gpt2calc.teach.exercises import QUESTIONS

COMMAND = [sys.executable, "-m", "gpt2calc"]


def shell(line, **environment):
    buffered = {name: each for name, each in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        env={**buffered, "PY": sys.executable, **environment},
    )


def test_a_closed_pipe_is_silent():
    ran = shell('"$PY" -m gpt2calc presets | head -1; exit ${PIPESTATUS[0]}')
    assert ran.stdout == "GPT-2\n"
    assert ran.stderr == ""
    ran = shell(
        '"$PY" -m gpt2calc sweep --n-layer 1:200000 --format csv | true; exit ${PIPESTATUS[0]}'
    )
    assert ran.returncode == 141
    assert ran.stderr == ""
    ran = shell('"$PY" -m gpt2calc presets > >(exec true); sleep 1')
    assert ran.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("arguments", ["", "--help", "presets --format csv"])
def test_an_output_that_cannot_be_written_is_one_line(arguments):
    ran = shell(f'"$PY" -m gpt2calc {arguments} > /dev/full')
    assert ran.returncode == 2
    assert ran.stderr == "gpt2calc: the output cannot be written: No space left on device\n"
    ran = shell(f'"$PY" -m gpt2calc {arguments} >&-')
    assert ran.returncode == 2
    assert ran.stderr == "gpt2calc: there is no standard output to write to\n"


def test_the_hub_is_asked_where_the_environment_says(tmp_path):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    where = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    ran = shell('"$PY" -m gpt2calc some/model', **where)
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert "some/model cannot be reached, and is not in the local cache" in ran.stderr


def test_a_pipe_gets_the_same_text_with_and_without_colour():
    plain = shell('"$PY" -m gpt2calc | cat', NO_COLOR="1", TERM="dumb", COLUMNS="40").stdout
    assert plain == shell('"$PY" -m gpt2calc | cat').stdout == f"{count(ModelConfig())}\n"
    assert "\x1b" not in plain


def test_an_ascii_terminal_still_gets_its_numbers():
    ran = shell('"$PY" -m gpt2calc', PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert "124,439,808" in ran.stdout


def test_completion_scripts_can_be_installed(tmp_path):
    ran = shell(
        '"$PY" -m gpt2calc --install-completion --shell bash --output "$OUT"; cat "$OUT"',
        HOME=str(tmp_path),
        OUT=str(tmp_path / "completion"),
    )
    assert ran.returncode == 0
    assert "--n-layer" in ran.stdout
    assert "verify" in ran.stdout


def test_the_common_command_imports_nothing_heavy():
    code = (
        "import sys; from gpt2calc.cli.app import main; main(['--n-layer', '48']); "
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "379,603,200" in ran.stdout
    heavy = {"matplotlib", "numpy", "rich", "safetensors", "sympy", "torch", "transformers"}
    assert not heavy & set(eval(ran.stdout.splitlines()[-1]))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_the_statuses_of_closed_and_full_outputs():
    for line, status in (
        ('"$PY" -m gpt2calc --help | true; exit ${PIPESTATUS[0]}', 141),
        ('"$PY" -m gpt2calc --n-layer 0 2>/dev/full', 2),
        ('"$PY" -m gpt2calc >/dev/full', 2),
    ):
        ran = shell(line)
        assert ran.returncode == status, line
        assert "Traceback" not in ran.stderr


def test_an_interrupt_is_silent():
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from gpt2calc import __main__\nimport gpt2calc.cli.app as cli\n"
        "cli.app = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.exit(__main__.run())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (130, "")


@pytest.mark.parametrize(
    ("command", "encoding"),
    [
        *[(words, "ascii") for words in ((), ("explain",), ("presets",), ("--tensors",))],
        (("explain",), "latin-1"),
        (("presets",), "cp1252"),
    ],
)
def test_a_terminal_that_lacks_characters_gets_plain_ones(encoding, command):
    ran = subprocess.run(
        [*COMMAND, *command],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=True,
    )
    text = ran.stdout.decode(encoding)
    assert "?" not in text
    if encoding == "ascii":
        wanted = {"explain": "12 d^2 + 13 d = 12 x 768^2", "presets": "!=", "--tensors": "d x 3d"}
        assert wanted.get(command[0] if command else "", "31.02%  ####") in text


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's script command")
def test_no_color_leaves_no_escapes():
    for words in (["--help"], ["sweep", "--help"], ["--n-layer", "0"]):
        command = " ".join([sys.executable, "-m", "gpt2calc", *words])
        ran = subprocess.run(
            ["script", "-qec", command, "/dev/null"],
            capture_output=True,
            env={**os.environ, "NO_COLOR": "1", "TERM": "xterm-256color"},
        )
        assert b"gpt2calc" in ran.stdout
        assert b"\x1b" not in ran.stdout


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("level", QUESTIONS)
def test_a_sheet_in_latex_compiles(level, tmp_path):
    sheet = exercise(3, level, count=6, answers=True).latex()
    assert sheet.count(r"\item ") == 12
    (tmp_path / "sheet.tex").write_text(sheet)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "sheet.tex"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    assert "Overfull" not in ran.stdout


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no TeX engine is installed")
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("gpt3-175b", "--no-tie-embeddings"),
        ("--free", "all", "--n-inner", 5),
        ("--no-bias",),
        ("--n-embd", 10**9, "--n-inner", 123_456_789, "--no-tie-embeddings"),
    ],
)
def test_latex_compiles(run, tmp_path, arguments):
    (tmp_path / "lesson.tex").write_text(run("explain", *arguments, "--format", "latex").out)
    ran = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "lesson.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert "Overfull" not in ran.stdout
    assert (tmp_path / "lesson.pdf").exists()


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs /dev/stdout")
def test_standard_output_may_be_named_as_a_file(tmp_path):
    line = '"$PY" -m gpt2calc sweep --n-layer 1,2 --format csv --out /dev/stdout'
    for piped in (f"{line} | cat", f"{line} > '{tmp_path}/f'; cat '{tmp_path}/f'"):
        ran = subprocess.run(
            ["bash", "-c", piped],
            capture_output=True,
            text=True,
            env={**os.environ, "PY": sys.executable},
        )
        assert ran.stdout.startswith("n_layer,total,")
        assert os.path.islink("/dev/stdout")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_leaves_nothing_behind(tmp_path, end):
    flags = ["sweep", "--n-layer=1:1000", "--n-embd=1:10000", "--format=csv", "--out=big.csv"]
    ran = subprocess.Popen(
        [sys.executable, "-m", "gpt2calc", *flags],
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(end, signal.SIG_DFL),  # under nohup a child ignores SIGHUP
    )
    while not list(tmp_path.iterdir()):
        time.sleep(0.02)
    ran.send_signal(end)
    assert ran.wait() == 128 + end
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["study", "plot"])
def test_a_signal_leaves_no_part_of_a_picture(tmp_path, command):
    code = (
        "import os, signal, sys, gpt2calc.report.files as files\n"
        "from gpt2calc.cli.app import main\n"
        "replace = os.replace\n"
        "os.replace = lambda *names: os.kill(os.getpid(), signal.SIGTERM) or replace(*names)\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["study", "gpt2", "--out", "a.html"] if command == "study" else ["--plot", "a.svg"]
    ran = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True)
    assert ran.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_study(tmp_path):
    line = (
        f"cd {tmp_path} && mkdir s_pictures && echo old > s.md && echo old > s_pictures/shares.svg;"
        " ulimit -f 8; trap '' XFSZ;"
        ' "$PY" -m gpt2calc study gpt2 --out s.md --format markdown'
    )
    ran = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PY": sys.executable},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert (tmp_path / "s.md").read_text() == "old\n"
    assert [path.name for path in (tmp_path / "s_pictures").iterdir()] == ["shares.svg"]


def test_streaming_takes_little_memory(tmp_path):
    code = (
        "import resource; from gpt2calc.cli.app import main; "
        "main(['sweep', '--n-layer=1:1000', '--n-embd={}', '--format=csv', '--out', {!r}]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", code.format(widths, str(tmp_path / "sweep.csv"))],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for widths in ("1:70", "1:700")
    ]
    assert (tmp_path / "sweep.csv").read_text().count("\n") == 700_001
    assert peaks[1] < 1.2 * peaks[0]


def test_a_pipe_gets_its_rows_while_progress_goes_to_the_terminal(tmp_path):
    """Standard error is a terminal, standard output is not: nothing may stray from one to other."""
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    ours, theirs = pty.openpty()
    flags = ["sweep", "--n-layer=1:70", "--n-embd=1:10000", "--format=csv"]
    with (tmp_path / "rows.csv").open("w") as rows:
        ran = subprocess.Popen(
            [sys.executable, "-m", "gpt2calc", *flags], stdout=rows, stderr=theirs
        )
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    assert ran.wait() == 0
    assert (tmp_path / "rows.csv").read_text().count("\n") == 700_001
    assert b"counting" in shown
    assert len(shown) < 100_000


def _read(descriptor):
    try:
        return os.read(descriptor, 10_000)
    except OSError:
        return b""
