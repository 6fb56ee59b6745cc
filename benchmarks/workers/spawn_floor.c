/* The floor: a loop of posix_spawn into sessions of their own, and of kill and waitpid.
 *
 * Usage: spawn_floor MEGABYTES PROGRAM
 *
 * Answers each line of standard input with a line, like the workers in Python. The lines are those
 * that json.dumps writes with its defaults, and are looked through, not parsed:
 *
 *   {"do": "launch", "count": N}    each after the one before
 *   {"do": "together", "count": N}  the same; each is timed from the first one's beginning
 *   {"do": "run", "count": N}       each until its end
 *   {"do": "know", "groups": [..]}  the process groups that "end" is for
 *   {"do": "end"}                   SIGTERM to all of these; reaps until it has no child
 *   {"do": "clear"}                 SIGKILL to all that were launched; reaps them
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

extern char **environ;

struct pids {
    pid_t *items;
    size_t count, room;
};

static posix_spawn_file_actions_t actions;
static posix_spawnattr_t attributes;
static struct pids launched, groups;

static void fail(const char *what, int error) {
    printf("{\"error\": \"%s: %s\"}\n", what, strerror(error));
    fflush(stdout);
    exit(1);
}

static void *need(void *memory) {
    if (memory == NULL)
        fail("memory", errno);
    return memory;
}

static void add(struct pids *list, pid_t pid) {
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->items = need(realloc(list->items, list->room * sizeof *list->items));
    }
    list->items[list->count++] = pid;
}

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void prepare(void) {
    int flags = O_RDWR, error = posix_spawn_file_actions_init(&actions);
    for (int number = 0; number < 3 && !error; number++)
        error = posix_spawn_file_actions_addopen(&actions, number, "/dev/null", flags, 0);
    if (!error)
        error = posix_spawnattr_init(&attributes);
    if (!error)
        error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    if (error)
        fail("posix_spawn's attributes", error);
#ifdef __linux__
    /* Orphans of what it launched fall to it, so that it can reap them. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        fail("PR_SET_CHILD_SUBREAPER", errno);
#endif
}

static pid_t spawn(char *program) {
    char *argv[] = {program, NULL};
    pid_t pid;
    int error = posix_spawn(&pid, program, &actions, &attributes, argv, environ);
    if (error)
        fail("posix_spawn", error);
    return pid;
}

static void reap(pid_t pid, int must_be_well) {
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            fail("waitpid", errno);
    if (must_be_well && (!WIFEXITED(status) || WEXITSTATUS(status)))
        fail("the program failed", 0);
}

/* Launch, and say how long each took, in milliseconds. */
static void launch(char *program, long count, int together, int run) {
    double *times = need(malloc((size_t)(count > 0 ? count : 1) * sizeof *times));
    double first = now_ms(), wall = 0;
    for (long i = 0; i < count; i++) {
        double began = together ? first : now_ms();
        pid_t pid = spawn(program);
        if (run)
            reap(pid, 1);
        else
            add(&launched, pid);
        times[i] = now_ms() - began;
        wall = together ? times[i] : wall + times[i];
    }
    printf("{\"wall\": %.6f, \"times\": [", wall);
    for (long i = 0; i < count; i++)
        printf("%s%.6f", i ? ", " : "", times[i]);
    printf("]}\n");
    free(times);
}

static void clear(void) {
    for (size_t i = 0; i < launched.count; i++)
        kill(launched.items[i], SIGKILL);
    for (size_t i = 0; i < launched.count; i++)
        reap(launched.items[i], 0);
    launched.count = 0;
    printf("{}\n");
}

static void know(const char *list) {
    char *end;
    groups.count = 0;
    if (list && list[1] == ']')
        list = NULL;
    while (list && *list && *list != ']') {
        long pid = strtol(++list, &end, 10);
        if (end == list || pid <= 1)
            fail("not a process group", EINVAL);
        add(&groups, (pid_t)pid);
        list = end;
    }
    printf("{}\n");
}

static void end_all(void) {
    for (size_t i = 0; i < groups.count; i++)
        if (kill(-groups.items[i], SIGTERM) && errno != ESRCH)
            fail("kill", errno);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        continue;
    launched.count = 0;
    printf("{}\n");
}

int main(int argc, char **argv) {
    char *line = NULL;
    size_t room = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: spawn_floor MEGABYTES PROGRAM\n");
        return 2;
    }
    size_t ballast = (size_t)strtoul(argv[1], NULL, 10) * 1000000;
    volatile char *held = need(malloc(ballast + 1));
    memset((void *)held, 1, ballast + 1);
    prepare();
    printf("{}\n");
    fflush(stdout);
    while (getline(&line, &room, stdin) > 0) {
        const char *number = strstr(line, "\"count\": ");
        long count = number ? strtol(number + 9, NULL, 10) : 0;
        if (strstr(line, "\"do\": \"launch\""))
            launch(argv[2], count, 0, 0);
        else if (strstr(line, "\"do\": \"together\""))
            launch(argv[2], count, 1, 0);
        else if (strstr(line, "\"do\": \"run\""))
            launch(argv[2], count, 0, 1);
        else if (strstr(line, "\"do\": \"know\""))
            know(strchr(line, '['));
        else if (strstr(line, "\"do\": \"end\""))
            end_all();
        else if (strstr(line, "\"do\": \"clear\""))
            clear();
        else
            fail("no such thing to do", EINVAL);
        fflush(stdout);
    }
    clear();
    return held[ballast] != 1;
}
