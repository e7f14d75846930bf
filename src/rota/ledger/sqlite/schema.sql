CREATE TABLE alembic_version ( version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num) )
CREATE TABLE tasks ( id TEXT NOT NULL, name TEXT NOT NULL, func_path TEXT NOT NULL, "trigger" TEXT NOT NULL, trigger_args TEXT NOT NULL, timezone TEXT NOT NULL, schedule TEXT NOT NULL, enabled BOOLEAN NOT NULL, policy TEXT NOT NULL, executor TEXT NOT NULL, description TEXT NOT NULL, file TEXT, line INTEGER, anchor BIGINT NOT NULL, planned_until BIGINT NOT NULL, edits TEXT NOT NULL, paused_since BIGINT, paused_until BIGINT, pause_reason TEXT NOT NULL, seen_at BIGINT NOT NULL, removed_at BIGINT, revision INTEGER NOT NULL, skipped TEXT, limit_group TEXT, edited TEXT, dst TEXT, rule_since BIGINT, rule_revision INTEGER, off TEXT, pauses TEXT, PRIMARY KEY (id) )
CREATE INDEX tasks_by_revision ON tasks (revision)
CREATE TABLE runs ( id TEXT NOT NULL, task_id TEXT NOT NULL, fire_time BIGINT, cause TEXT NOT NULL, state TEXT NOT NULL, reason TEXT DEFAULT '' NOT NULL, attempt INTEGER DEFAULT 0 NOT NULL, failures INTEGER DEFAULT 0 NOT NULL, crashes INTEGER DEFAULT 0 NOT NULL, count BIGINT DEFAULT 1 NOT NULL, "exclusive" BOOLEAN NOT NULL, available_at BIGINT NOT NULL, created_at BIGINT NOT NULL, started_at BIGINT, finished_at BIGINT, attempt_started_at BIGINT, node TEXT, fence INTEGER DEFAULT 0 NOT NULL, cancel_requested TEXT, peak_memory BIGINT, arguments TEXT, result TEXT, progress TEXT, checkpoint TEXT, priority INTEGER DEFAULT 0 NOT NULL, published_at BIGINT, reason_code TEXT, awaits TEXT, "key" TEXT, options TEXT, overlap_key TEXT, nominal_time BIGINT, upstream TEXT, error_type TEXT, replay INTEGER, replay_time BIGINT, PRIMARY KEY (id), CONSTRAINT state_is_true CHECK (CASE state WHEN 'queued' THEN finished_at IS NULL WHEN 'scheduled' THEN finished_at IS NULL WHEN 'running' THEN finished_at IS NULL AND node IS NOT NULL AND attempt_started_at IS NOT NULL WHEN 'succeeded' THEN finished_at IS NOT NULL AND node IS NOT NULL AND attempt_started_at IS NOT NULL ELSE finished_at IS NOT NULL AND state IN ('failed', 'cancelled', 'skipped', 'missed', 'lost') END), CONSTRAINT known_cause CHECK (cause = 'schedule' OR cause = 'manual' OR cause = 'backfill') ) WITHOUT ROWID
CREATE UNIQUE INDEX one_run_per_occurrence ON runs (task_id, fire_time) WHERE fire_time IS NOT NULL
CREATE INDEX runs_of_task ON runs (task_id, id)
CREATE INDEX waiting_by_task ON runs (task_id, available_at) WHERE state IN ('queued', 'scheduled')
CREATE INDEX running_by_task ON runs (task_id) WHERE state = 'running'
CREATE INDEX rare_ends ON runs (state, id) WHERE finished_at IS NOT NULL AND state != 'succeeded'
CREATE INDEX rare_ends_of_task ON runs (task_id, state, id) WHERE finished_at IS NOT NULL AND state != 'succeeded'
CREATE TABLE attempts ( run_id TEXT NOT NULL, number INTEGER NOT NULL, node TEXT NOT NULL, started_at BIGINT NOT NULL, finished_at BIGINT NOT NULL, outcome TEXT NOT NULL, error TEXT, traceback TEXT, peak_memory BIGINT, PRIMARY KEY (run_id, number), CONSTRAINT known_outcome CHECK (outcome IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'crashed')) ) WITHOUT ROWID
CREATE TABLE logs ( run_id TEXT NOT NULL, attempt INTEGER NOT NULL, seq INTEGER NOT NULL, at BIGINT NOT NULL, level TEXT NOT NULL, logger TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (run_id, attempt, seq) ) WITHOUT ROWID
CREATE TABLE nodes ( id TEXT NOT NULL, name TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL, slots INTEGER NOT NULL, started_at BIGINT NOT NULL, seen_at BIGINT NOT NULL, lease_until BIGINT NOT NULL, state TEXT NOT NULL, info TEXT NOT NULL, PRIMARY KEY (id), CONSTRAINT known_state CHECK (state IN ('up', 'draining', 'stopped', 'gone')) )
CREATE TABLE steps ( run_id TEXT NOT NULL, "key" TEXT NOT NULL, value TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (run_id, "key") ) WITHOUT ROWID
CREATE TABLE audit ( id TEXT NOT NULL, at BIGINT NOT NULL, face TEXT NOT NULL, who TEXT NOT NULL, verb TEXT NOT NULL, task_id TEXT, run_id TEXT, reason TEXT NOT NULL, "before" TEXT, "after" TEXT, PRIMARY KEY (id) ) WITHOUT ROWID
CREATE INDEX audit_by_time ON audit (at)
CREATE INDEX audit_of_task ON audit (task_id, id)
CREATE INDEX audit_of_run ON audit (run_id, id) WHERE run_id IS NOT NULL
CREATE INDEX by_hand ON runs (cause, id) WHERE cause != 'schedule'
CREATE INDEX made_late ON runs (id) WHERE created_at - fire_time > 3600000000
CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit WHEN OLD.at >= (SELECT max(at) FROM audit) - 31536000000000 BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
CREATE TABLE tokens ( id TEXT NOT NULL, name TEXT NOT NULL, "right" TEXT NOT NULL, digest TEXT NOT NULL, once BOOLEAN NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT, spent_at BIGINT, revoked_at BIGINT, PRIMARY KEY (id), CONSTRAINT known_right CHECK ("right" IN ('read', 'operate', 'admin')) )
CREATE UNIQUE INDEX token_of_name ON tokens (name) WHERE revoked_at IS NULL AND once = 0
CREATE TABLE keys ( name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name) ) WITHOUT ROWID
CREATE INDEX tasks_of_group ON tasks (limit_group) WHERE limit_group IS NOT NULL
CREATE TABLE limits ( name TEXT NOT NULL, full_until BIGINT, PRIMARY KEY (name) ) WITHOUT ROWID
CREATE INDEX waiting_by_priority ON runs (priority, available_at) WHERE state IN ('queued', 'scheduled')
CREATE INDEX undecided_of_task ON runs (task_id, id) WHERE awaits IS NOT NULL AND state IN ('queued', 'scheduled')
CREATE TABLE rules ( task_id TEXT NOT NULL, revision INTEGER NOT NULL, since BIGINT NOT NULL, until BIGINT NOT NULL, "trigger" TEXT NOT NULL, trigger_args TEXT NOT NULL, timezone TEXT NOT NULL, dst TEXT, enabled BOOLEAN NOT NULL, edits TEXT NOT NULL, anchor BIGINT NOT NULL, planned_until BIGINT NOT NULL, paused_since BIGINT, paused_until BIGINT, removed_at BIGINT, skipped TEXT, PRIMARY KEY (task_id, revision) ) WITHOUT ROWID
CREATE TABLE marks ( name TEXT NOT NULL, at BIGINT NOT NULL, until BIGINT, value TEXT, PRIMARY KEY (name) ) WITHOUT ROWID
CREATE TABLE sessions ( digest TEXT NOT NULL, token_id TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, PRIMARY KEY (digest) ) WITHOUT ROWID
CREATE TABLE run_keys ( task_id TEXT NOT NULL, "key" TEXT NOT NULL, run_id TEXT NOT NULL, until BIGINT NOT NULL, PRIMARY KEY (task_id, "key") ) WITHOUT ROWID
CREATE INDEX waiting_by_overlap_key ON runs (task_id, overlap_key, available_at, id) WHERE overlap_key IS NOT NULL AND state IN ('queued', 'scheduled')
CREATE TABLE pauses ( scope TEXT NOT NULL, since BIGINT NOT NULL, until BIGINT, reason TEXT NOT NULL, author TEXT NOT NULL, PRIMARY KEY (scope) ) WITHOUT ROWID
CREATE INDEX tasks_after ON tasks (id) WHERE "trigger" = 'after'
CREATE UNIQUE INDEX one_run_per_upstream_run ON runs (task_id, upstream) WHERE upstream IS NOT NULL AND fire_time IS NULL
CREATE UNIQUE INDEX one_run_per_replay ON runs (task_id, replay_time, replay) WHERE replay_time IS NOT NULL
CREATE TABLE windows ( id BIGINT NOT NULL, since BIGINT NOT NULL, until BIGINT, action TEXT NOT NULL, everyone BOOLEAN NOT NULL, tags TEXT NOT NULL, tasks TEXT NOT NULL, reason TEXT NOT NULL, author TEXT NOT NULL, PRIMARY KEY (id) ) WITHOUT ROWID
INSERT INTO alembic_version (version_num) VALUES ('0021')
