"""Semantics 7.4: what this process may use of the machine, read from trees of files of our own."""

from __future__ import annotations

import math
import os

import pytest

from fluffy_nb.engine import hardware

V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "36 31 0:33 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
    "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
)
V2_GROUP = "0::/user.slice/run.scope\n"
V1_GROUP = "5:cpuset:/\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n"


@pytest.fixture(autouse=True)
def many_cpus(monkeypatch):
    """A machine of 64 CPUs and 256 GiB, of which this process may use all."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    sizes = {"SC_PHYS_PAGES": 2**26, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__, raising=False)


@pytest.fixture
def tree(tmp_path):
    """Make a tree of files of texts by path."""

    def make(mounts="", group="", **texts):
        files = {"proc/self/mountinfo": mounts, "proc/self/cgroup": group, **texts}
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return make


def test_S7_4_without_any_limit_the_machine_is_there(tmp_path):
    assert hardware.cpus(tmp_path) == 64
    assert hardware.memory_mb(tmp_path) == 256 * 1024
    assert hardware.gpus(tmp_path, {}) is None


def test_S7_4_affinity_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 5, 7})
    assert hardware.cpus(tmp_path) == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert hardware.cpus(tmp_path) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert hardware.cpus(tmp_path) == 1


def test_S7_4_where_the_system_tells_nothing_of_memory_there_is_no_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda _: -1)
    assert hardware.memory_mb(tmp_path) == math.inf
    monkeypatch.delattr(os, "sysconf")
    assert hardware.memory_mb(tmp_path) == math.inf


@pytest.mark.parametrize(
    ("mine", "around", "top", "expected"),
    [
        ("150000 100000", "max 100000", None, 1.5),
        ("max 100000", "400000 100000", None, 4),
        ("800000 100000", "200000 50000", "300000 100000", 3),
        ("max 100000", "max 100000", "max 100000", 64),
        ("9000000 100000", "", None, 64),
        ("nonsense", "", "\x00", 64),
        ("0 100000", "1 0", "100000", 64),
    ],
)
def test_S7_4_cpus_by_control_groups_of_version_2(mine, around, top, expected, tree):
    texts = {
        "sys/fs/cgroup/user.slice/run.scope/cpu.max": mine,
        "sys/fs/cgroup/user.slice/cpu.max": around,
    }
    if top is not None:
        texts["sys/fs/cgroup/cpu.max"] = top
    assert hardware.cpus(tree(V2, V2_GROUP, **texts)) == expected


@pytest.mark.parametrize(
    ("mine", "around", "expected"),
    [("1073741824", "max", 1024), ("max", "536870912", 512), ("max", "max", 256 * 1024)],
)
def test_S7_4_memory_by_control_groups_of_version_2(mine, around, expected, tree):
    texts = {
        "sys/fs/cgroup/user.slice/run.scope/memory.max": mine,
        "sys/fs/cgroup/user.slice/memory.max": around,
    }
    assert hardware.memory_mb(tree(V2, V2_GROUP, **texts)) == expected


def test_S7_4_control_groups_of_version_1(tree):
    cpu, memory = "sys/fs/cgroup/cpu,cpuacct/docker/", "sys/fs/cgroup/memory/docker/"
    root = tree(
        V1,
        V1_GROUP,
        **{
            f"{cpu}abc/cpu.cfs_quota_us": "-1\n",
            f"{cpu}abc/cpu.cfs_period_us": "100000\n",
            f"{cpu}cpu.cfs_quota_us": "250000\n",
            f"{cpu}cpu.cfs_period_us": "100000\n",
            f"{memory}abc/memory.limit_in_bytes": "9223372036854771712\n",
            f"{memory}memory.limit_in_bytes": f"{2**31}\n",
        },
    )
    assert hardware.cpus(root) == 2.5
    assert hardware.memory_mb(root) == 2048


@pytest.mark.parametrize("version", [1, 2])
def test_S7_4_in_a_container_the_group_is_what_is_mounted(version, tree):
    """The host's path of the group is seen, and only the group itself is mounted."""
    if version == 2:
        mounts = V2.replace(" / /sys", " /docker/abc /sys")
        root = tree(mounts, "0::/docker/abc\n", **{"sys/fs/cgroup/cpu.max": "50000 100000"})
    else:
        mounts = V1.replace(" / /sys", " /docker/abc /sys")
        folder = "sys/fs/cgroup/cpu,cpuacct/"
        root = tree(
            mounts,
            V1_GROUP,
            **{f"{folder}cpu.cfs_quota_us": "50000", f"{folder}cpu.cfs_period_us": "100000"},
        )
    assert hardware.cpus(root) == 0.5


@pytest.mark.parametrize("group", ["0::/\n", "0::/../other\n", "0::/not/there\n", "", "no group\n"])
def test_S7_4_in_a_namespace_the_group_is_the_top(group, tree):
    assert hardware.cpus(tree(V2, group, **{"sys/fs/cgroup/cpu.max": "200000 100000"})) == 2


def test_S7_4_a_mount_with_a_space_in_its_path_and_both_versions_at_once(tree):
    mounts = V1 + V2.replace("/sys/fs/cgroup", "/sys/fs/my\\040groups")
    root = tree(
        mounts,
        V1_GROUP + "0::/\n",
        **{
            "sys/fs/my groups/cpu.max": "300000 100000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**30),
        },
    )
    assert (hardware.cpus(root), hardware.memory_mb(root)) == (3, 1024)


def test_S7_4_lines_that_are_none_are_passed_over(tree):
    root = tree("\n - \n1 2 3 - cgroup2\n - cgroup\nrubbish\n" + V2, "::::\n0\n")
    assert hardware.cpus(root) == 64


# ---------------------------------------------------------------- GPUs


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 2),
        ({"CUDA_VISIBLE_DEVICES": "1"}, 1),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 0),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,1"}, 1),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, 0),
        ({"CUDA_VISIBLE_DEVICES": "GPU-8932f937-d72c-4106, MIG-1/2"}, 2),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3"}, 2),
    ],
)
def test_S7_4_gpus_by_files_and_by_what_is_made_visible(variables, expected, tree):
    root = tree(**{f"dev/{name}": "" for name in ("nvidia0", "nvidia1", "nvidiactl", "null")})
    assert hardware.gpus(root, variables) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, 2),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0),
        ({"HIP_VISIBLE_DEVICES": "0"}, 1),
    ],
)
def test_S7_4_gpus_where_no_file_tells_of_any(variables, expected, tree):
    assert hardware.gpus(tree(**{"dev/nvidiactl": ""}), variables) == expected


def test_S7_4_gpus_of_a_driver_and_of_another_maker(tree):
    nodes = "sys/class/kfd/kfd/topology/nodes/"
    root = tree(
        **{
            "proc/driver/nvidia/gpus/0000:01:00.0/information": "",
            f"{nodes}0/gpu_id": "0\n",
            f"{nodes}1/gpu_id": "5134\n",
            f"{nodes}2/gpu_id": "61399\n",
        }
    )
    assert hardware.gpus(root, {}) == 3
    assert hardware.gpus(root, {"ROCR_VISIBLE_DEVICES": "0"}) == 2


def test_S7_4_this_machine_has_something():
    """The real files, whatever they hold."""
    assert 0 < hardware.cpus() <= 64
    assert 0 < hardware.memory_mb() <= 256 * 1024
    assert hardware.gpus() is None or hardware.gpus() >= 0
