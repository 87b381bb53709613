"""Which hardware gets bfloat16 weights."""

from pathlib import Path

import pytest
import torch

from hyper_registry.ai.weight_precision import (
    encodes_queries_in_int8,
    parse_cpu_flags,
    read_cpu_flags,
    weight_dtype,
)


@pytest.mark.parametrize(
    ("device_type", "flags", "capability", "dtype"),
    [
        ("cpu", {"fpu", "avx2", "avx512f", "avx512_vnni"}, None, torch.float32),
        ("cpu", set(), None, torch.float32),
        ("cpu", {"avx512f", "avx512_bf16"}, None, torch.bfloat16),
        ("cpu", {"amx_tile", "amx_bf16"}, None, torch.bfloat16),
        ("cpu", set(), (9, 0), torch.float32),
        ("cuda", set(), (9, 0), torch.bfloat16),
        ("cuda", set(), (8, 0), torch.bfloat16),
        ("cuda", {"amx_bf16"}, (7, 5), torch.float32),
        ("cuda", set(), None, torch.float32),
        ("mps", {"amx_bf16"}, None, torch.float32),
    ],
)
def test_format_follows_the_hardware(
    device_type: str,
    flags: set[str],
    capability: tuple[int, int] | None,
    dtype: torch.dtype,
) -> None:
    assert weight_dtype(device_type, flags, capability) is dtype


def test_flags_are_those_of_the_first_processor() -> None:
    cpuinfo = "processor\t: 0\nflags\t\t: fpu amx_bf16\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    assert parse_cpu_flags(cpuinfo) == {"fpu", "amx_bf16"}
    assert parse_cpu_flags("processor\t: 0\n") == frozenset()


def test_flags_are_read_from_a_file_that_may_not_exist(tmp_path: Path) -> None:
    listing = tmp_path / "cpuinfo"
    assert read_cpu_flags(listing) == frozenset()
    listing.write_text("flags : avx2")
    assert read_cpu_flags(listing) == {"avx2"}


@pytest.mark.parametrize(
    ("device_type", "flags", "narrow"),
    [
        ("cpu", {"avx2", "avx512_vnni"}, True),
        ("cpu", {"avx2", "avx_vnni"}, True),
        ("cpu", {"avx2"}, False),
        ("cpu", {"avx512_vnni", "avx512_bf16"}, False),
        ("cpu", {"avx512_vnni", "amx_bf16"}, False),
        ("cuda", {"avx512_vnni"}, False),
    ],
)
def test_queries_are_narrowed_only_where_that_is_faster(
    device_type: str, flags: set[str], narrow: bool
) -> None:
    assert encodes_queries_in_int8(device_type, flags) is narrow
