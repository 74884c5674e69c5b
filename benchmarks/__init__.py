"""This SDK against the alternatives, on loopback: `make bench`, or `python -m benchmarks [CASE]`.

Each case is a module with `async def measure(rounds) -> Table`; the contenders are in `with_*.py`,
one module a library, and run in processes of their own, with the server in another. `xml` needs
neither.
"""
