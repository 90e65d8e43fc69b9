"""A check as JUnit XML: a suite with a case per violation, for CI systems that show tests.

The layout is that of the schema of the xUnit plugin of Jenkins (junit-10.xsd), which pytest follows too.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from costaudit.prices.rules.rule import ERROR, Violation
from costaudit.render.checks.model import CheckReport, named, place
from costaudit.render.safe import clean

HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render_junit(report: CheckReport) -> str:
    """Errors as failures (as errors where nothing could be judged), warnings as cases that pass and say so.

    What is suppressed is a skipped case. A check that found nothing is one case that passes.
    """
    fails = "error" if report.verdict == "invalid" else "failure"
    suite = ET.Element("testsuite")
    for violation in report.violations:
        case = _case(suite, violation)
        if violation.severity == ERROR:
            broken = ET.SubElement(case, fails, type=clean(violation.code), message=clean(violation.message))
            broken.text = _told(violation)
        else:
            ET.SubElement(case, "system-out").text = f"{violation.severity}: {_told(violation)}"
    for hidden in report.suppressed:
        reason = clean(hidden.suppression.reason)
        ET.SubElement(_case(suite, hidden.violation), "skipped", message=reason)
    if not len(suite):
        ET.SubElement(suite, "testcase", classname=f"costaudit.{report.title}", name=clean(report.green))
    _count(suite, fails, report)
    if report.notes:
        ET.SubElement(suite, "system-out").text = "\n".join(map(clean, report.notes))
    suites = ET.Element("testsuites", name=f"costaudit {report.title}")
    suites.append(suite)
    ET.indent(suites)
    return HEAD + ET.tostring(suites, encoding="unicode") + "\n"


def _case(suite: ET.Element, violation: Violation) -> ET.Element:
    name = f"{named(violation)}: {violation.subject or violation.message}"
    return ET.SubElement(suite, "testcase", classname=clean(violation.file), name=clean(name))


def _told(violation: Violation) -> str:
    parts = (place(violation), violation.message, violation.help, violation.fix)
    return "\n".join(clean(part) for part in parts if part)


def _count(suite: ET.Element, fails: str, report: CheckReport) -> None:
    broken = report.count(ERROR)
    suite.attrib |= {
        "name": f"costaudit.{report.title.replace(' ', '-')}",
        "tests": str(len(suite)),
        "failures": str(broken if fails == "failure" else 0),
        "errors": str(broken if fails == "error" else 0),
        "skipped": str(len(report.suppressed)),
    }
