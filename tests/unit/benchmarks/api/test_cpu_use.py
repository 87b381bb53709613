from benchmarks.api.cpu_use import HAPROXY, POSTGRES, RAY, REPLICA, used_between


def test_cpu_time_is_summed_by_part_and_new_processes_count_in_full():
    before = {(POSTGRES, 1): 5.0, (POSTGRES, 2): 1.0, (REPLICA, 3): 2.0, (RAY, 9): 7.0}
    after = {(POSTGRES, 1): 6.0, (POSTGRES, 2): 1.5, (POSTGRES, 4): 0.25, (REPLICA, 3): 2.5}
    assert used_between(before, after) == {REPLICA: 0.5, HAPROXY: 0.0, POSTGRES: 1.75, RAY: 0.0}
