import asyncio
import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

LINES = """\
{"entry_id": "rain", "category": "model", "title": "Rain model", "description": "Forecasts rain."}
{"category": "nonsense"}
{"entry_id": "tax", "category": "service", "title": "Tax ledger", "description": "Books invoices."}
"""


@pytest.fixture
def run(dsn: str, tmp_path: Path):
    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from cli.main import main; main()", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={
                "HYPER_REGISTRY_DATABASE_URL": dsn,
                "HYPER_REGISTRY_HOME": str(tmp_path / "home"),
                "HOME": str(tmp_path),
                "PATH": "/usr/bin:/bin",
            },
        )

    return command


def test_a_file_is_imported_embedded_and_found(run, tmp_path: Path):
    path = tmp_path / "entries.jsonl"
    path.write_text(LINES)
    imported = json.loads(run("import", "jsonl", str(path), "--json").stdout)
    assert (imported["created"], len(imported["bad_rows"])) == (2, 1)
    assert imported["bad_rows"][0]["row"] == 2
    again = json.loads(run("import", "jsonl", str(path), "--json").stdout)
    assert (again["created"], again["unchanged"]) == (0, 2)
    job = json.loads(run("job", "submit", "embed", "--direct", "--json").stdout)
    assert (job["state"], job["result"]["embedded"]) == ("succeeded", 2)
    assert [item["job_id"] for item in json.loads(run("job", "list", "--json").stdout)] == [
        job["job_id"]
    ]
    found = json.loads(run("search", "wet weather", "--mode", "vector", "--json").stdout)
    assert [hit["entry_id"] for hit in found["hits"]] == ["rain", "tax"]


def test_a_failure_is_one_line_and_a_non_zero_exit(run, tmp_path: Path):
    for arguments, named in (
        (("get", "nothing"), "no entry 'nothing'"),
        (("import", "jsonl", str(tmp_path / "absent.jsonl")), "absent.jsonl"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 1
        assert named in failed.stderr
        assert len(failed.stderr.strip().splitlines()) == 1


def test_nothing_to_stop_is_no_failure(run):
    stopped = run("down")
    assert (stopped.returncode, stopped.stdout.strip()) == (0, "Nothing was running.")


def test_what_happened_is_printed_and_the_audit_log_verified(run, tmp_path: Path):
    path = tmp_path / "entries.jsonl"
    path.write_text(LINES)
    run("import", "jsonl", str(path), "--json")
    told = [json.loads(line) for line in run("changes", "--json").stdout.splitlines()]
    assert [event["subject_id"] for event in told] == ["rain", "tax"]
    later = run("changes", "--json", "--after", told[0]["cursor"]).stdout
    assert json.loads(later)["event_id"] == told[1]["event_id"]
    assert "create entry tax (version 1" in run("changes", "--entry-id", "tax").stdout
    verified = run("audit", "verify", "--json")
    assert verified.returncode == 0
    assert json.loads(verified.stdout)["valid"]
    exported = [json.loads(line) for line in run("audit", "export").stdout.splitlines()]
    assert [(row["action"], row["detail"]) for row in exported] == [
        ("entry.import", {"created": 2})
    ]
    unknown = run("audit", "verify", "--expect", "ab" * 32)
    assert unknown.returncode == 1
    assert "TAMPERED" in unknown.stdout
    assert json.loads(run("audit", "prune", "--days", "1", "--json").stdout) == {"pruned_rows": 0}


def test_webhooks_are_managed(run):
    made = json.loads(
        run("webhooks", "create", "https://example.com/hook", "--subject", "entry", "--json").stdout
    )
    assert made["filter"]["subjects"] == ["entry"]
    (listed,) = json.loads(run("webhooks", "list", "--json").stdout)["items"]
    assert listed == {name: value for name, value in made.items() if name != "secret"}
    webhook = made["webhook_id"]
    assert json.loads(run("webhooks", "deliveries", webhook, "--json").stdout)["items"] == []
    assert "no delivery 'x'" in run("webhooks", "redeliver", webhook, "x").stderr
    refused = run("webhooks", "create", "https://10.0.0.1/")
    assert (refused.returncode, "not public" in refused.stderr) == (1, True)
    assert run("webhooks", "delete", webhook).returncode == 0
    assert "no webhook" in run("webhooks", "delete", webhook).stderr


def test_an_entry_is_deleted_brought_back_and_restored(run, tmp_path: Path):
    path = tmp_path / "entries.jsonl"
    for title in ("Rain model", "Storm model"):
        path.write_text(json.dumps({"entry_id": "rain", "category": "model", "title": title}))
        run("import", "jsonl", str(path), "--json")
    assert json.loads(run("delete", "rain", "--json").stdout)["deleted"] is True
    assert run("get", "rain").returncode == 1
    stale = run("undelete", "rain", "--if-version", "2")
    assert (stale.returncode, "is at version 3, not 2" in stale.stderr) == (1, True)
    assert json.loads(run("undelete", "rain", "--json").stdout)["title"] == "Storm model"
    assert "at version 5: Rain model" in run("restore", "rain", "1").stdout
    page = json.loads(run("history", "rain", "--json").stdout)
    assert [(item["version"], item["deleted"]) for item in page["items"]] == [
        (5, False),
        (4, False),
        (3, True),
        (2, False),
        (1, False),
    ]
    listed = run("history", "rain", "--limit", "2").stdout
    assert "restored 1" in listed
    assert "--before 4" in listed


async def _create_namespace(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        query = "insert into namespace (form, name, created_by) values ($1, $1, 'ada')"
        await connection.execute(query, name)
    finally:
        await connection.close()


def test_a_change_waits_for_approval(run, dsn: str, tmp_path: Path):
    path = tmp_path / "entries.jsonl"
    row = {"entry_id": "a", "category": "agent", "title": "A", "handle": "team/a"}
    path.write_text(json.dumps(row | {"status": "draft"}))
    assert "no namespace 'team'" in run("reviews", "policy", "team").stderr
    asyncio.run(_create_namespace(dsn, "team"))
    run("import", "jsonl", str(path), "--json")
    told = run("reviews", "policy", "team", "--approvals", "2").stdout
    assert told == "team asks for 2 approvals of what is active\n"
    path.write_text(json.dumps(row))
    refused = json.loads(run("import", "jsonl", str(path), "--json").stdout)
    assert refused["updated"] == 0
    assert "needs the approval" in str(refused["bad_rows"])
    made = run("reviews", "propose", "a", '{"status": "active"}', "--note", "go", "--json")
    review = json.loads(made.stdout)
    assert (review["state"], review["note"]) == ("open", "go")
    for listed in (("list",), ("list", "a")):
        assert json.loads(run("reviews", *listed, "--json").stdout)["items"] == [review]
    own = run("reviews", "decide", review["review_id"], "approve")
    assert (own.returncode, "its own proposal" in own.stderr) == (1, True)
    assert "withdrawn" in run("reviews", "withdraw", review["review_id"]).stdout
    states = [
        item["state"] for item in json.loads(run("reviews", "list", "a", "--json").stdout)["items"]
    ]
    assert states == ["withdrawn"]
    assert "asks for no approval" in run("reviews", "policy", "team", "--approvals", "0").stdout


def test_an_entry_is_assessed_and_a_person_erased(run, tmp_path: Path):
    path = tmp_path / "entries.jsonl"
    path.write_text('{"entry_id": "a", "category": "agent", "title": "A", "owner": "pia.quist"}\n')
    run("import", "jsonl", str(path), "--json")
    framework = tmp_path / "soc2.json"
    controls = [{"code": "c1", "title": "First"}]
    framework.write_text(json.dumps({"name": "soc2", "title": "SOC 2", "controls": controls}))
    versions = [
        json.loads(run("compliance", "framework", str(framework), "--json").stdout)["version"]
        for _ in range(2)
    ]
    assert versions == [1, 2]
    evidence = json.dumps({"title": "E", "text": "x", "expires_at": "2001-01-01T00:00:00Z"})
    assessed = ("compliance", "assess", "a", "soc2", "c1", "compliant", "--evidence", evidence)
    assert json.loads(run(*assessed, "--json").stdout)["effective_status"] == "expired"
    assert "in_review" in run("compliance", "show", "a").stdout
    told = run("compliance", "report", "soc2", "--csv").stdout.splitlines()
    assert told[1] == "soc2,total,total,1,1,0,0,0,0,0,1,1.0,0,0"
    (expiring,) = json.loads(run("compliance", "expiring", "--json").stdout)["items"]
    assert (expiring["entry_id"], expiring["titles"]) == ("a", ["E"])
    assert run("compliance", "assess", "none", "soc2", "c1", "compliant").returncode == 1
    erase = ("erase", "pia.quist", "--reason", "asked", "--json")
    tried = json.loads(run(*erase, "--dry-run").stdout)
    assert tried["report"]["changed"]["entry"] == 1
    erased = json.loads(run(*erase).stdout)
    assert json.loads(run("get", "a").stdout)["owner"] == erased["pseudonym"]
    assert run("audit", "verify").returncode == 0


def test_entries_are_named_compared_and_merged(run, tmp_path: Path):
    path = tmp_path / "twins.jsonl"
    rows = [
        {"entry_id": "one", "category": "model", "title": "Rain model"},
        {"entry_id": "two", "category": "model", "title": "Model, RAIN"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert run("import", "jsonl", str(path)).returncode == 0
    assert json.loads(run("namespaces", "create", "Team", "--json").stdout)["form"] == "team"
    assert [each["name"] for each in json.loads(run("namespaces", "list", "--json").stdout)] == [
        "Team"
    ]
    moved = run("transfer", "one", "team", "--name", "Rain", "--json")
    assert json.loads(moved.stdout)["handle"] == "team/Rain"
    assert run("rename", "one", "wet").stdout.strip() == "one is team/wet"
    assert run("namespaces", "delete", "team").returncode == 1
    found = json.loads(run("duplicates", "of", "one", "--json").stdout)["items"]
    assert [(item["entry_id"], item["evidence"]["title"]) for item in found] == [("two", 1.0)]
    assert "Model, RAIN" in run("duplicates", "of", "one").stdout
    assert run("duplicates", "reject", "one", "two").returncode == 0
    assert json.loads(run("duplicates", "of", "one", "--json").stdout)["items"] == []
    merged = json.loads(run("merge", "two", "one", "--json").stdout)
    assert (merged["duplicate_id"], merged["survivor_id"]) == ("two", "one")
    undone = json.loads(run("unmerge", merged["merge_id"], "--json").stdout)
    assert undone["undone_at"] is not None
    assert run("get", "two").returncode == 0


def test_a_ranking_that_loses_against_its_gate_is_seen(run, tmp_path: Path):
    corpus = tmp_path / "judged"
    corpus.mkdir()
    (corpus / "corpus.jsonl").write_text(
        '{"_id": "a/1", "title": "Rain model", "text": "Forecasts rain."}\n'
        '{"_id": "b 2", "title": "", "text": "Books invoices into a ledger of taxes."}\n'
    )
    (corpus / "queries.jsonl").write_text(
        '{"_id": "1", "text": "rain"}\n{"_id": "2", "text": "taxes"}\n'
        '{"_id": "3", "text": "taxes of the ledger"}\n'
    )
    # The last judgment is wrong on purpose.
    (corpus / "qrels.tsv").write_text("1\ta/1\t1\n2\tb 2\t1\n3\ta/1\t1\n")
    gate = tmp_path / "gate.json"
    gate.write_text('{"text": {"recall10": 0.6}, "hybrid": {"mrr": 0.7, "ndcg10": 0.99}}')

    passed = run("search", "evaluate", str(corpus), "--queries", "2")
    assert passed.returncode == 0, passed.stderr
    assert "2 documents, 2 queries" in passed.stdout

    failed = run("search", "evaluate", str(corpus), "--gate", str(gate), "--json")
    assert failed.returncode == 1
    told = json.loads(failed.stdout)
    assert (told["documents"], told["queries"], set(told["modes"])) == (
        2,
        3,
        {"text", "vector", "hybrid"},
    )
    assert told["modes"]["text"] == {
        "ndcg10": pytest.approx(2 / 3),
        "recall10": pytest.approx(2 / 3),
        "recall100": pytest.approx(2 / 3),
        "mrr": pytest.approx(2 / 3),
    }
    assert [(loss["mode"], loss["metric"]) for loss in told["losses"]] == [
        ("hybrid", "mrr"),
        ("hybrid", "ndcg10"),
    ]

    # The registry that the settings name was neither read nor written.
    searched = run("search", "evaluate", "--mode", "text", "--json")
    assert json.loads(searched.stdout)["hits"] == []
    absent = run("search", "evaluate", str(tmp_path / "absent"))
    assert absent.returncode == 1
    assert "corpus.jsonl" in absent.stderr
    refused = run("search", "evaluate", "--limit", "0")
    assert refused.returncode == 2
