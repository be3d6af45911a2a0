"""The judges of banks, lists, queues and counters complain of a record that was tampered with."""

import pytest
from workload_runs import complaints, tampered

# ----------------------------------------------------------------------------- bank


def test_a_read_of_a_bank_that_made_money_is_found():
    bank = tampered("bank")
    bank.record.answered("read old")[0].result["a"] += 1
    assert "not to 400" in complaints(bank)


@pytest.mark.parametrize("key", ["rows", "machine"])
def test_a_read_of_a_bank_that_is_old_is_found(key):
    bank = tampered("bank")
    first, *_, last = bank.record.answered("read", key=key)[:8]
    bank.record.deeds = {
        token: deed for token, deed in bank.record.deeds.items() if deed.invoked <= last.invoked
    }
    assert first.result != last.result
    last.result = first.result
    assert "not linearizable" in complaints(bank)


@pytest.mark.parametrize("key", ["rows", "machine"])
def test_a_transfer_that_is_lost_doubled_or_halved_is_found(key):
    lost, doubled, halved = (tampered("bank") for _ in range(3))
    lost.transfers[key].pop()
    assert "was acknowledged and is lost" in complaints(lost)
    assert "are not those of the transfers" in complaints(lost)
    doubled.transfers[key].append(doubled.transfers[key][0])
    assert "is there 2 times" in complaints(doubled)
    halved.balances[key]["a"] -= 1
    assert "not to 400" in complaints(halved)


def test_a_transfer_that_was_refused_and_is_there_is_found():
    bank = tampered("bank")
    bank.record.deeds[bank.transfers["machine"][0][0]].fate = "refused"
    assert "was refused for certain and is there" in complaints(bank)


# ----------------------------------------------------------------------------- appends


def test_a_list_read_that_begins_no_final_list_is_found():
    appends = tampered("appends")
    read = next(
        d for d in appends.record.answered("read") if len(next(iter(d.result.values()))) > 1
    )
    next(iter(read.result.values())).reverse()
    assert "in the end it is" in complaints(appends)


def test_a_list_read_that_is_old_is_found():
    appends = tampered("appends")
    read = [d for d in appends.record.answered("read") if any(d.result.values())][-1]
    read.result = {key: [] for key in read.result}
    assert f"read {read.token} stands before" in complaints(appends)


def test_appends_out_of_their_order_in_time_are_found():
    appends = tampered("appends")
    appends.record.deeds = {
        token: deed for token, deed in appends.record.deeds.items() if deed.f == "append"
    }
    key = max(appends.lists, key=lambda key: len(appends.lists[key]))
    appends.lists[key].reverse()
    assert "which had ended when it began" in complaints(appends)


def test_half_an_append_to_two_lists_is_found():
    appends = tampered("appends")
    both = next(d for d in appends.record.answered("append") if len(d.argument) == 2)
    both.fate = "unknown"
    appends.lists[both.argument[0]].remove(both.token)
    assert f"append {both.token} is in {both.argument[1]} and not in" in complaints(appends)


def test_appends_to_two_lists_in_different_orders_are_found():
    appends = tampered("appends")
    for key, found in appends.lists.items():
        for other in appends.lists:
            both = [token for token in found if token in appends.lists[other]]
            if other != key and len(both) > 1:
                one, two = found.index(both[0]), found.index(both[1])
                found[one], found[two] = found[two], found[one]
                assert "in different orders" in complaints(appends)
                return
    pytest.fail("no two lists have two appends in common")


# ----------------------------------------------------------------------------- queues


@pytest.mark.parametrize("key", ["rows", "machine"])
def test_values_that_leave_a_queue_in_another_order_are_found(key):
    queues = tampered("queues")
    first, *_, last = [d for d in queues.record.answered("dequeue", key=key) if d.result]
    first.result, last.result = last.result, first.result
    queues.taken[key] |= {first.token: first.result, last.token: last.result}
    assert f"{key}: no queue" in complaints(queues)


def test_a_dequeue_that_was_not_answered_counts_as_what_it_took():
    queues = tampered("queues")
    first, second, *_ = [d for d in queues.record.answered("dequeue", key="machine") if d.result]
    first.fate, first.result = "unknown", None
    assert complaints(queues) == ""
    second.result = queues.taken["machine"][second.token] = queues.taken["machine"][first.token]
    assert "machine: no queue" in complaints(queues)


def test_a_queue_whose_records_contradict_its_answers_is_found():
    queues = tampered("queues")
    value = queues.came["machine"][0]
    queues.came["machine"].append(value)
    assert f"{value} came 2 times" in complaints(queues)
    queues.came["machine"] = [other for other in queues.came["machine"] if other != value]
    assert "was enqueued and never came" in complaints(queues)
    token = next(iter(queues.taken["rows"]))
    queues.taken["rows"].pop(token)
    assert f"{token} was given" in complaints(queues)
    enqueue = queues.record.answered("enqueue", key="rows")[0]
    enqueue.fate = "refused"
    assert f"{enqueue.token} was refused for certain and happened" in complaints(queues)


# ----------------------------------------------------------------------------- counters


@pytest.mark.parametrize("key", ["hits", "visits"])
def test_an_increment_that_counts_twice_or_not_at_all_is_found(key):
    counters = tampered("counters")
    token = counters.counted[key][0]
    counters.counted[key].append(token)
    assert f"{token} is there 2 times" in complaints(counters)
    counters.counted[key] = counters.counted[key][1:-1]
    assert f"add {token} was acknowledged and is lost" in complaints(counters)


def test_a_count_that_is_not_what_was_asked_for_is_found():
    counters = tampered("counters")
    counters.counts["hits"] += 1
    assert "not between" in complaints(counters)


def test_an_increment_that_was_told_another_count_is_found():
    counters = tampered("counters")
    counters.record.answered("add", key="visits")[0].result += 1
    assert "was not the one" in complaints(counters)


def test_a_count_that_is_read_too_old_is_found():
    counters = tampered("counters")
    read = counters.record.answered("read", key="hits")[-1]
    read.result = 0
    assert f"read {read.token} stands before" in complaints(counters)
