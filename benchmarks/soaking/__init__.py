"""The soak: thousands of lives of orchestrators, and what is left of them, counted from outside.

``python -m benchmarks.soak`` runs it; ``docs/benchmarks.md`` says how it is counted.

    plan        what is done, drawn from the seed; pure
    ends        how each agent has to end; pure
    model       what was found; frozen
    lines       the shutdown lines of a log; pure
    slope       a straight line through samples; pure
    conduct     the run: lanes side by side, lives handed out to them
    lane        one lane, a process: one workspace, one orchestrator after the other
    life        one orchestrator: its start, its cycles, its end
    start       what the next start has to know of the run before it
    cycle       launches, stops and ends under one orchestrator
    rest        memory and what is open, from cycle to cycle
    ending      the end of an orchestrator, and who is left after it
    houses      the orchestrator as a program over the library, and as the MCP server
    books       registry and log, read from outside
    processes   the processes below a lane, and those that fall to it
    stage       what the lives of a lane share
    doorbell    how agents say that they have become what they are
    verdicts    what a run comes to
    tables      the same, to be read
"""
