from gen_ai_examples.common.rate_sweep import best_rate, by_its_rate, table

ENDS = {
    ("a", 0.1): {"set aside": 5.0, "held out": 9.0},
    ("a", 0.2): {"set aside": 6.0, "held out": 1.0},
    ("b", 0.3): {"set aside": 1.0, "held out": 2.5},
}


def test_the_rate_is_chosen_on_the_data_set_aside():
    assert best_rate(ENDS, "a", "lower") == 0.1
    assert best_rate(ENDS, "a", "higher") == 0.2
    assert best_rate(ENDS, "b", "higher") == 0.3


def test_a_schedule_is_judged_on_the_held_out_data():
    assert by_its_rate(ENDS, "a") == {0.1: 9.0, 0.2: 1.0}


def test_the_table_has_every_training_and_its_parts_in_columns():
    heading, _, names, *lines = table(ENDS, "Nats").text.splitlines()
    assert heading.startswith("Nats;") and names.split() == ["rate", "set", "aside", "held", "out"]
    assert [line.split() for line in lines] == [
        ["a", "0.1", "5.0", "9.0"],
        ["a", "0.2", "6.0", "1.0"],
        ["b", "0.3", "1.0", "2.5"],
    ]
    assert len({len(line) for line in (names, *lines)}) == 1
