"""Runs checkov on what is synthesized from every lab file.

    python -m tests.checkov CHECKOV      (or: make test-checkov)

Exits 1 for a failed check that is not in SKIPPED, and for a reason in SKIPPED that no check needs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.aws_labs import COMPANY, EVERYTHING, FILES, overlaid
from tests.synthesis import synthesize

SKIPPED = {
    "CKV_AWS_88": "the hosts are reached from outside: by SSH, and by clients of Kafka; the "
                  "security group lets in admin_cidrs alone",
    "CKV_AWS_126": "detailed monitoring costs extra for every host, and no task reads it",
    "CKV_AWS_135": "every current type is EBS-optimized of itself, and an old one may refuse to be",
    "CKV_AWS_394": "the subnets ignore a zone that AWS adds (ignore_changes), and a type may lack "
                   "in any zone that would be pinned",
    "CKV2_AWS_11": "flow logs cost money and need a role; a lab's traffic is the lab's own",
    "CKV2_AWS_41": "no host calls AWS, so none has a role unless instance_profile gives it one",
}


def main() -> int:
    checkov = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, (path, extra) in enumerate([*((path, {}) for path in FILES),
                                                (FILES[0], EVERYTHING), (FILES[0], COMPANY)]):
            own = folder / f"{number}"
            own.mkdir()
            lab = overlaid(path, own / "lab.toml", extra)
            for stack, content in synthesize(sys.executable, "stacks", lab, own).stacks.items():
                target = folder / "scanned" / f"{number}-{stack}"
                target.mkdir(parents=True)
                (target / "cdk.tf.json").write_text(json.dumps(_parseable(content), indent=1))
        done = subprocess.run(
            [checkov, "--directory", str(folder / "scanned"), "--framework", "terraform_json",
             "--skip-download", "--quiet", "--output", "json"],
            capture_output=True, text=True, check=False,
        )
    return judge(json.loads(done.stdout))


def _parseable(stack: dict[str, Any]) -> dict[str, Any]:
    """checkov's parser takes neither a list of providers nor a setting that is only text."""
    return {key: part for key, part in stack.items() if key in ("data", "resource")}


def judge(report: dict[str, Any]) -> int:
    """Print what checkov found, and tell whether it is what is expected."""
    summary, failed = report["summary"], report["results"]["failed_checks"]
    ids = {one["check_id"] for one in failed}
    for one in failed:
        if one["check_id"] not in SKIPPED:
            print(f"{one['check_id']} {one['check_name']}: {one['resource']} in {one['file_path']}")
    for needless in SKIPPED.keys() - ids:
        print(f"{needless} is skipped, and no check fails for it any more")
    skipped = sum(one["check_id"] in SKIPPED for one in failed)
    print(f"{summary['passed']} checks passed, "
          f"{len(failed) - skipped} failed, {skipped} skipped for a written reason, "
          f"{summary['parsing_errors']} parsing errors")
    return 0 if ids == SKIPPED.keys() and not summary["parsing_errors"] else 1


if __name__ == "__main__":
    sys.exit(main())
