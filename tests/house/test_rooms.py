"""What import-linter cannot say: where threads may be, and what the judges see."""

from tests.house.source import SOURCE, every, imports, modules, name_of, parsed

THREADS = {"threading", "_thread", "concurrent.futures", "multiprocessing", "queue"}

# Threads live in `host`; the others only put an event loop or a process beside the caller.
THREADS_ALLOWED = {
    "src/plait/blocking.py",  # its whole purpose: an event loop in a thread of its own
}

MAY_START_PROCESSES = {"bench", "cli"}  # peers and demo clusters are child processes


@every(modules())
def test_threads_exist_only_in_host(path):
    room = path.relative_to(SOURCE).parts[0]
    used = {module for module, _ in imports(parsed(path))} & THREADS
    assert not used or room == "host" or name_of(path) in THREADS_ALLOWED


@every(modules())
def test_processes_are_started_only_by_the_outermost_rooms(path):
    room = path.relative_to(SOURCE).parts[0]
    used = {module for module, _ in imports(parsed(path))} & {"subprocess", "multiprocessing"}
    assert not used or room in MAY_START_PROCESSES


@every(modules())
def test_nothing_is_ever_pickled(path):
    banned = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
    assert not {module for module, _ in imports(parsed(path))} & banned


def test_the_judges_see_only_the_vocabulary():
    foreign = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules("check")
        for module, line in imports(parsed(path))
        if module.startswith("plait") and not module.startswith(("plait.base", "plait.check"))
    ]
    assert not foreign


def test_every_import_stands_at_the_top_of_its_file():
    deferred = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules()
        if path.relative_to(SOURCE).parts[0] not in MAY_START_PROCESSES  # optional packages there
        for module, line in imports(parsed(path))
        if line not in _top_lines(path)
    ]
    assert not deferred


def _top_lines(path):
    """Lines of the statements at module level, with what `if` and `try` hold there."""
    lines = set()
    todo = list(parsed(path).body)
    while todo:
        node = todo.pop()
        lines.add(node.lineno)
        for field in ("body", "orelse", "handlers", "finalbody"):
            if type(node).__name__ in ("If", "Try", "ExceptHandler"):
                todo.extend(getattr(node, field, []))
    return lines
