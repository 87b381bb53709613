"""Which number format a model's weights are held in."""

from collections.abc import Set as AbstractSet
from pathlib import Path

import torch

FAST_BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})
"""CPU flags that promise bfloat16 matrix products faster than float32 ones."""

FAST_INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni"})
"""CPU flags that promise int8 matrix products faster than float32 ones."""

_AMPERE = (8, 0)


def weight_dtype(
    device_type: str,
    cpu_flags: AbstractSet[str],
    cuda_capability: tuple[int, int] | None = None,
) -> torch.dtype:
    """Decide the format: bfloat16 where the hardware multiplies it fast, else float32.

    Without such hardware bfloat16 is emulated and several times slower than float32.

    Parameters
    ----------
    device_type
        ``"cpu"``, ``"cuda"`` or another torch device type; others get float32.
    cpu_flags
        Flags as the kernel names them, see `read_cpu_flags`.
    cuda_capability
        Compute capability of the GPU; None where there is none.

    Examples
    --------
    >>> weight_dtype("cpu", {"avx2", "amx_bf16"})
    torch.bfloat16
    >>> weight_dtype("cuda", set(), (7, 5))
    torch.float32
    """
    if device_type == "cpu":
        fast = not FAST_BFLOAT16_FLAGS.isdisjoint(cpu_flags)
    else:
        fast = device_type == "cuda" and cuda_capability is not None and cuda_capability >= _AMPERE
    return torch.bfloat16 if fast else torch.float32


def encodes_queries_in_int8(device_type: str, cpu_flags: AbstractSet[str]) -> bool:
    """Decide whether queries are worth an int8 copy of the model.

    They are where the CPU multiplies int8 fast and bfloat16 not: a query then takes about half the
    time. Documents are always encoded in `weight_dtype`, so that stored vectors stay exact.

    Examples
    --------
    >>> encodes_queries_in_int8("cpu", {"avx512_vnni"})
    True
    >>> encodes_queries_in_int8("cpu", {"avx512_vnni", "avx512_bf16"})
    False
    """
    return (
        device_type == "cpu"
        and not FAST_INT8_FLAGS.isdisjoint(cpu_flags)
        and FAST_BFLOAT16_FLAGS.isdisjoint(cpu_flags)
    )


def parse_cpu_flags(cpuinfo: str) -> frozenset[str]:
    r"""Return the flags of the first processor in the text of ``/proc/cpuinfo``.

    Examples
    --------
    >>> sorted(parse_cpu_flags("model name : x\nflags\t\t: fpu avx512_bf16"))
    ['avx512_bf16', 'fpu']
    """
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


def read_cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """Return this machine's CPU flags; none on a system that does not list them there."""
    return parse_cpu_flags(cpuinfo.read_text()) if cpuinfo.is_file() else frozenset()


def device_weight_dtype(device: torch.device) -> torch.dtype:
    """Return `weight_dtype` for a device of this machine."""
    capability = torch.cuda.get_device_capability(device) if device.type == "cuda" else None
    return weight_dtype(device.type, read_cpu_flags(), capability)
