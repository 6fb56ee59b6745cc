-- A registry as version 1 of its tables had it, with a record of each kind; never to be changed.
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE orchestrators (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    open INTEGER NOT NULL,
    record TEXT NOT NULL
);

CREATE TABLE tasks (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
);

CREATE TABLE agents (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    task_id TEXT,
    parent TEXT,
    cookie TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    live INTEGER NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX agents_of_owner ON agents (owner, task_id, live);
CREATE INDEX agents_of_task ON agents (task_id, live);
CREATE INDEX agents_of_parent ON agents (parent);
CREATE INDEX agents_live ON agents (sequence) WHERE live = 1;

CREATE TABLE progress (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX progress_of_task ON progress (task_id);
CREATE INDEX progress_of_agent ON progress (task_id, agent_id);

CREATE TABLE latest_progress (
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    sequence INTEGER NOT NULL REFERENCES progress,
    PRIMARY KEY (task_id, agent_id)
) WITHOUT ROWID;

CREATE TABLE findings (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX findings_of_task ON findings (task_id);
CREATE INDEX findings_of_agent ON findings (task_id, agent_id);

INSERT INTO orchestrators (id, open, record) VALUES ('orc-000000000000', 0,
'{"id":"orc-000000000000","pid":3999,"start_ticks":70,"boot_id":"boot","started_at":"2026-03-01T12:00:00.123456Z","shutdown_began_at":"2026-03-01T12:00:01.123456Z","shutdown_reason":"SIGTERM","shutdown_done_at":"2026-03-01T12:00:02.123456Z"}');
INSERT INTO orchestrators (id, open, record) VALUES ('orc-000000000001', 1,
'{"id":"orc-000000000001","pid":3999,"start_ticks":70,"boot_id":"boot","started_at":"2026-03-01T12:00:00.123456Z","shutdown_began_at":null,"shutdown_reason":null,"shutdown_done_at":null}');
INSERT INTO tasks (id, record) VALUES ('TASK-20260301-120000-00000001',
'{"id":"TASK-20260301-120000-00000001","description":"Check the wiring","priority":"P2","status":"INITIALIZED","created_at":"2026-03-01T12:00:00.123456Z","workspace_base":"/workspace","client_cwd":null,"limits":{"max_agents":45,"max_concurrent":20,"max_depth":5},"context":{"expected_deliverables":["a report"],"depth":3}}');
INSERT INTO agents (id, owner, task_id, parent, cookie, state, live, record) VALUES ('starting', 'orc-000000000001', 'TASK-20260301-120000-00000001', NULL, 'starting', 'starting', 1,
'{"id":"starting","owner":"orc-000000000001","agent_type":"worker","provider":"command","argv":["sleep","600"],"cwd":"/project","parent":null,"task_id":"TASK-20260301-120000-00000001","depth":1,"prompt_preview":"Look into it","cookie":"starting","files":{"prompt":"/workspace/agents/starting/prompt","stdout":"/workspace/agents/starting/out","stderr":"/workspace/agents/starting/err","outcome":"/workspace/agents/starting/outcome"},"stop":{"polite_signal":null,"polite_grace":0.5,"term_grace":1.2,"linger":0.3,"kill_limit":10.0},"created_at":"2026-03-01T12:00:00.123456Z","state":{"kind":"starting","since":"2026-03-01T12:00:00.123456Z"}}');
INSERT INTO agents (id, owner, task_id, parent, cookie, state, live, record) VALUES ('running', 'orc-000000000001', 'TASK-20260301-120000-00000001', NULL, 'running', 'running', 1,
'{"id":"running","owner":"orc-000000000001","agent_type":"worker","provider":"command","argv":["sleep","600"],"cwd":"/project","parent":null,"task_id":"TASK-20260301-120000-00000001","depth":1,"prompt_preview":"Look into it","cookie":"running","files":{"prompt":"/workspace/agents/running/prompt","stdout":"/workspace/agents/running/out","stderr":"/workspace/agents/running/err","outcome":"/workspace/agents/running/outcome"},"stop":{"polite_signal":null,"polite_grace":0.5,"term_grace":1.2,"linger":0.3,"kill_limit":10.0},"created_at":"2026-03-01T12:00:00.123456Z","state":{"kind":"running","since":"2026-03-01T12:00:00.123456Z","leader":{"pid":4001,"start_ticks":77,"boot_id":"boot"},"keeper":{"pid":4000,"start_ticks":76,"boot_id":"boot"}}}');
INSERT INTO agents (id, owner, task_id, parent, cookie, state, live, record) VALUES ('stopping', 'orc-000000000001', 'TASK-20260301-120000-00000001', NULL, 'stopping', 'stopping', 1,
'{"id":"stopping","owner":"orc-000000000001","agent_type":"worker","provider":"command","argv":["sleep","600"],"cwd":"/project","parent":null,"task_id":"TASK-20260301-120000-00000001","depth":1,"prompt_preview":"Look into it","cookie":"stopping","files":{"prompt":"/workspace/agents/stopping/prompt","stdout":"/workspace/agents/stopping/out","stderr":"/workspace/agents/stopping/err","outcome":"/workspace/agents/stopping/outcome"},"stop":{"polite_signal":null,"polite_grace":0.5,"term_grace":1.2,"linger":0.3,"kill_limit":10.0},"created_at":"2026-03-01T12:00:00.123456Z","state":{"kind":"stopping","since":"2026-03-01T12:00:05.123456Z","reason":"asked to","leader":{"pid":4001,"start_ticks":77,"boot_id":"boot"},"keeper":{"pid":4000,"start_ticks":76,"boot_id":"boot"},"exit":{"kind":"code","code":0},"requested":false}}');
INSERT INTO agents (id, owner, task_id, parent, cookie, state, live, record) VALUES ('lost', 'orc-000000000001', 'TASK-20260301-120000-00000001', NULL, 'lost', 'lost', 0,
'{"id":"lost","owner":"orc-000000000001","agent_type":"worker","provider":"command","argv":["sleep","600"],"cwd":"/project","parent":null,"task_id":"TASK-20260301-120000-00000001","depth":1,"prompt_preview":"Look into it","cookie":"lost","files":{"prompt":"/workspace/agents/lost/prompt","stdout":"/workspace/agents/lost/out","stderr":"/workspace/agents/lost/err","outcome":"/workspace/agents/lost/outcome"},"stop":{"polite_signal":null,"polite_grace":0.5,"term_grace":1.2,"linger":0.3,"kill_limit":10.0},"created_at":"2026-03-01T12:00:00.123456Z","state":{"kind":"lost","at":"2026-03-01T12:00:00.123456Z","reason":"the machine was restarted","swept":[{"pid":4007,"name":"stubborn","session":4007}]}}');
INSERT INTO agents (id, owner, task_id, parent, cookie, state, live, record) VALUES ('exited', 'orc-000000000001', 'TASK-20260301-120000-00000001', 'running', 'exited', 'exited', 0,
'{"id":"exited","owner":"orc-000000000001","agent_type":"worker","provider":"command","argv":["sleep","600"],"cwd":"/project","parent":"running","task_id":"TASK-20260301-120000-00000001","depth":2,"prompt_preview":"Look into it","cookie":"exited","files":{"prompt":"/workspace/agents/exited/prompt","stdout":"/workspace/agents/exited/out","stderr":"/workspace/agents/exited/err","outcome":"/workspace/agents/exited/outcome"},"stop":{"polite_signal":null,"polite_grace":0.5,"term_grace":1.2,"linger":0.3,"kill_limit":10.0},"created_at":"2026-03-01T12:00:00.123456Z","state":{"kind":"exited","at":"2026-03-01T12:00:07.123456Z","outcome":{"verdict":"terminated","exit":{"kind":"signal","signal":15},"exited_at":"2026-03-01T12:00:06.123456Z","ended_at":"2026-03-01T12:00:07.123456Z","usage":{"user_s":0.5,"system_s":0.25,"max_rss_bytes":1048576},"left_behind":[{"pid":4007,"name":"stubborn","session":4007}],"receipt":{"reason":"asked to","began_at":"2026-03-01T12:00:05.123456Z","duration_ms":12.5,"signalled":[],"escapees":[],"killed":[],"survivors":[{"pid":4007,"name":"stubborn","session":4007}]},"result":{"session_id":"s-1","is_error":false,"text":"done","cost_usd":0.25,"input_tokens":100,"output_tokens":20,"turns":3}}}}');
INSERT INTO progress (task_id, agent_id, record) VALUES ('TASK-20260301-120000-00000001', 'running',
'{"at":"2026-03-01T12:00:00.123456Z","task_id":"TASK-20260301-120000-00000001","agent_id":"running","status":"working","message":"reading","progress":10}');
INSERT INTO findings (task_id, agent_id, record) VALUES ('TASK-20260301-120000-00000001', 'running',
'{"at":"2026-03-01T12:00:00.123456Z","task_id":"TASK-20260301-120000-00000001","agent_id":"running","finding_type":"issue","severity":"high","message":"loose wire","data":{"line":3}}');
INSERT INTO latest_progress (task_id, agent_id, sequence) VALUES ('TASK-20260301-120000-00000001', 'running', 1);
PRAGMA application_id = 1332896626;
PRAGMA user_version = 1;
COMMIT;
