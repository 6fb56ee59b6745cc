# An agent of the soak. The first part of its id is its habit and a number: what it exits with, by
# itself or when it gets SIGUSR1, or the signal that it dies by. What it starts ends by itself.
life=600
me=${ORCHESTRATOR_AGENT_ID%%-*}
habit=${me%%[0-9]*}
number=${me#"$habit"}
ulimit -c 0

# One more generation in a session of its own.
if [ "$1" = chain ]; then
    [ "$2" -gt 0 ] && setsid /bin/sh "$0" chain $(($2 - 1)) &
    exec sleep $life
fi

case $habit in
ends) exit "$number" ;;
dies) kill -"$number" $$ ;;
leaves)
    sleep $life &
    (setsid sleep $life &)
    exit "$number"
    ;;
stubborn) trap '' TERM INT HUP ;;
esac

trap 'exit $number' USR1
sleep $life &
case $habit in
stubborn | tool) setsid sleep $life & ;;
daemon) (setsid sleep $life >/dev/null 2>&1 &) ;;
naked) (env -i "$(command -v setsid)" "$(command -v sleep)" $life >/dev/null 2>&1 &) ;;
burst) setsid /bin/sh "$0" chain 4 & ;;
esac

echo "$ORCHESTRATOR_AGENT_ID $$" >"$SOAK_DOORBELL"
[ "$habit" = halted ] && kill -STOP $$
wait
