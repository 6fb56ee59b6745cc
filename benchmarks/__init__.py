"""Benchmarks: how fast agents start and stop, and what they cost while they run.

``python -m benchmarks`` runs all of it; ``docs/benchmarks.md`` says how it is measured.

    program     the command line
    plan        how much of everything: full, quick, smoke
    parts       what is measured, one file for each
    soak        a program of its own: thousands of lives of orchestrators
    soaking     its pieces
    habits      what its agents do
    contenders  who is measured: this library, its MCP server, and what it is compared with
    workers     programs that contenders run in processes of their own
    ground      what all of them stand on: a folder, an environment, and a net under it all
    census      processes counted and ended from outside
    figures     the statistics; pure
    model       series, tables, targets; frozen
    charts      what is to be drawn; frozen
    report      the same on a terminal
    plots       the same in pictures, drawn in ``drawing`` with matplotlib
    publish     the same as ``docs/benchmarks.md``: a program of its own, with its pieces and what
                people have written for it in ``publishing``
"""
