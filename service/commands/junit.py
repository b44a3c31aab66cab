"""Decision tables as a JUnit report, the one format of test results that every CI reads."""

from collections.abc import Iterable
from xml.etree import ElementTree

from service.commands.terminal import one_line
from service.policy.tables import Outcome, Table


def junit_report(results: Iterable[tuple[Table, Iterable[Outcome]]]) -> str:
    """One suite a table, one test a case."""
    root = ElementTree.Element("testsuites")
    for table, outcomes in results:
        suite = ElementTree.SubElement(root, "testsuite", name=one_line(table.name))
        for outcome in outcomes:
            _add_case(suite, outcome)
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _add_case(suite: ElementTree.Element, outcome: Outcome) -> None:
    name = one_line(f"{outcome.case.id} {outcome.case.title}".rstrip())
    case = ElementTree.SubElement(suite, "testcase", classname=suite.get("name"), name=name)
    if not outcome.passed:
        ElementTree.SubElement(case, "failure", message=one_line(str(outcome)))
