"""What a small web server of ours hands out, and how badly it behaves."""

from dataclasses import dataclass, field


@dataclass
class Publisher:
    """Files by name, and how the next answers go wrong; ``requests`` holds the Range of every request."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    ranges_work: bool = True
    requests: list[str | None] = field(default_factory=list)
