# An agent of the part "leaks": HABIT PLACE PYTHON. For the habit `-` it is the first part of its id,
# which is how a server tells it. It works in PLACE/HABIT, and so does all that it starts: there it
# is counted, whatever becomes of its session, its parents and its environment. What it starts ends
# by itself.
life=300
habit=$1
place=$2
python=$3
here=${0%/*}
[ "$habit" = - ] && habit=${ORCHESTRATOR_AGENT_ID%%-*}
cd "$place/$habit" || exit 70

case $habit in
bomb) exec "$python" -I -S "$here/bomb.py" ;;
postgresql | redis) exec "$python" "$here/serves.py" "$habit" ;;
ignores) trap '' TERM INT HUP ;;
esac

sleep $life &
case $habit in
children | ignores) sleep $life & ;;
tool) setsid sleep $life & ;;
daemon) (setsid sleep $life >/dev/null 2>&1 </dev/null &) ;;
naked) (env -i "$(command -v setsid)" "$(command -v sleep)" $life >/dev/null 2>&1 </dev/null &) ;;
stopped)
    kill -STOP $$
    # Whoever is continued says so: tmux does that to everyone that stops below it.
    : >continued
    ;;
esac

while :; do wait; [ "$habit" = ignores ] || exit; done
