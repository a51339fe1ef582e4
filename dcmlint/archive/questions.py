"""Ready questions about the results of scans, in SQL over the views of `dcmlint.archive.query`.

Each looks at one run (``$run``), some also at the one before (``$before``).
"""

from __future__ import annotations

import msgspec


class Question(msgspec.Struct, frozen=True):
    """A question: what it asks, and its SQL."""

    title: str
    sql: str


_WORST_FIRST = "list_position(['error', 'warning', 'info'], f.severity)"
QUESTIONS: dict[str, Question] = {
    "runs": Question(
        "Runs, the newest last",
        "SELECT run, status, source, profile, instances, errors, reused FROM runs ORDER BY started, run",
    ),
    "by-rule": Question(
        "Rules by the number of instances in which they fail",
        "SELECT rule, name, severity, count(*) AS findings, count(DISTINCT path) AS instances, min(message) AS example, "
        "min(path) AS path FROM findings WHERE run = $run GROUP BY rule, name, severity ORDER BY instances DESC, rule",
    ),
    "by-manufacturer": Question(
        "Manufacturers, models, software versions by errors per instance",
        "SELECT manufacturer, model, software_versions, count(*) AS instances, sum(errors)::BIGINT AS errors, "
        "sum(warnings)::BIGINT AS warnings, round(sum(errors) / count(*), 2) AS errors_each FROM instances "
        "WHERE run = $run AND status <> 'skipped' GROUP BY ALL ORDER BY errors_each DESC, instances DESC",
    ),
    "by-sender": Question(
        "Senders (--sender, AE Title or folder) by errors per instance",
        "SELECT coalesce(nullif(sender, ''), nullif(source_ae_title, ''), regexp_replace(key, '/[^/]*$', '')) AS sender, "
        "count(*) AS instances, count(*) FILTER (errors > 0) AS with_errors, sum(errors)::BIGINT AS errors, "
        "round(sum(errors) / count(*), 2) AS errors_each FROM instances WHERE run = $run AND status <> 'skipped' "
        "GROUP BY 1 ORDER BY errors_each DESC, instances DESC, 1",
    ),
    "by-site": Question(
        "Institutions, as far as shown, by errors per instance",
        "SELECT institution, count(*) AS instances, sum(errors)::BIGINT AS errors, round(sum(errors) / count(*), 2) AS errors_each "
        "FROM instances WHERE run = $run AND status <> 'skipped' GROUP BY ALL ORDER BY errors_each DESC, instances DESC",
    ),
    "by-month": Question(
        "Months in which the objects were stored",
        "SELECT strftime(modified, '%Y-%m') AS month, count(*) AS instances, sum(errors)::BIGINT AS errors, sum(warnings)::BIGINT AS warnings, "
        "count(*) FILTER (errors > 0) AS with_errors FROM instances WHERE run = $run AND status <> 'skipped' "
        "GROUP BY ALL ORDER BY month",
    ),
    "new": Question(
        "What this run found and the one before did not",
        "SELECT f.rule, f.severity, f.path, f.attribute, f.message FROM findings f WHERE f.run = $run AND NOT EXISTS "
        "(SELECT 1 FROM findings b WHERE b.run = $before AND b.fingerprint = f.fingerprint) "
        f"ORDER BY {_WORST_FIRST}, f.rule, f.path, f.attribute",
    ),
    "gone": Question(
        "What the run before found and this one does not",
        "SELECT f.rule, f.severity, f.path, f.attribute, f.message FROM findings f WHERE f.run = $before AND NOT EXISTS "
        "(SELECT 1 FROM findings b WHERE b.run = $run AND b.fingerprint = f.fingerprint) "
        f"ORDER BY {_WORST_FIRST}, f.rule, f.path, f.attribute",
    ),
    "worst-series": Question(
        "The ten series with the most errors",
        "SELECT series_instance_uid, min(modality) AS modality, count(*) AS instances, sum(errors)::BIGINT AS errors, "
        "sum(warnings)::BIGINT AS warnings, min(path) AS path FROM instances WHERE run = $run AND status <> 'skipped' "
        "GROUP BY series_instance_uid ORDER BY errors DESC, warnings DESC, path LIMIT 10",
    ),
    "refused": Question(
        "Instances that the profile would refuse (errors, not readable)",
        "SELECT path, status, errors, list(DISTINCT f.rule ORDER BY f.rule) AS rules FROM instances i LEFT JOIN "
        "(SELECT * FROM findings WHERE run = $run AND severity = 'error') f USING (path) WHERE i.run = $run AND "
        "i.status <> 'skipped' AND (i.errors > 0 OR i.status IN ('partial', 'unreadable') OR f.rule IS NOT NULL) "
        "GROUP BY ALL ORDER BY path",
    ),
    "not-checked": Question(
        "What was not read in full, and rules that stayed undecided",
        "SELECT '' AS rule, status, count(*) AS instances, min(path) AS path, '' AS reason FROM instances WHERE run = $run "
        "AND status IN ('partial', 'unreadable') GROUP BY status UNION ALL SELECT u.key, 'undecided', count(*), min(path), "
        "min(u.value) FROM (SELECT path, unnest(map_entries(undecided)) AS u FROM instances WHERE run = $run) GROUP BY u.key "
        "ORDER BY instances DESC, rule, status",
    ),
    "cost": Question(
        "Bytes, requests and time of what was read, by status",
        "SELECT status, count(*) AS instances, sum(bytes_read)::BIGINT AS bytes_read, sum(requests)::BIGINT AS requests, "
        "round(sum(seconds), 2) AS seconds, round(1000 * avg(seconds), 2) AS ms_each, round(avg(bytes_read)) AS bytes_each "
        "FROM instances WHERE run = $run GROUP BY ALL ORDER BY instances DESC",
    ),
}  # fmt: skip
