-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- Closed frames: those whose log is still to be examined, and those whose is.
-- What is found of a frame is stored together with this.
CREATE TABLE audits (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    frame        INTEGER NOT NULL,
    noticed      INTEGER NOT NULL,  -- Unix milliseconds, as all times here
    next_look    INTEGER NOT NULL,  -- when the log is asked for, again
    audited      INTEGER,           -- null until the frame's log was examined
    coupons      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (framework_id, lane, frame)
) STRICT, WITHOUT ROWID;

CREATE INDEX audits_due ON audits (next_look) WHERE audited IS NULL;

-- The logs that were examined.
CREATE TABLE log_entries (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    frame        INTEGER NOT NULL,
    place        INTEGER NOT NULL,  -- from 0
    sn           INTEGER NOT NULL,
    leaf         BLOB    NOT NULL,
    PRIMARY KEY (framework_id, lane, frame, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX log_serials ON log_entries (framework_id, lane, sn);

-- Coupons that are known otherwise than from a log: redeemed ones, and those
-- fetched for the audit.
CREATE TABLE known_coupons (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    sn           INTEGER NOT NULL,
    leaf         BLOB    NOT NULL,
    frame        INTEGER NOT NULL,
    source       TEXT    NOT NULL,  -- redeemed or probe
    since        INTEGER NOT NULL,
    compared     INTEGER NOT NULL,  -- 1 once compared with the frame's log
    PRIMARY KEY (framework_id, lane, sn, leaf, source)
) STRICT, WITHOUT ROWID;

CREATE INDEX known_open ON known_coupons (framework_id, lane, frame) WHERE compared = 0;

-- What was found. Of misconduct, which can be reported on the ledger, each kind
-- is found once in a frame, with sn 0.
CREATE TABLE findings (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    frame        INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    sn           INTEGER NOT NULL,
    detail       TEXT    NOT NULL,
    found        INTEGER NOT NULL,
    evidence     TEXT,              -- JSON of what is reported
    report       INTEGER NOT NULL,  -- 0 none, 1 to be made, 2 made, 3 resolved
    PRIMARY KEY (framework_id, lane, frame, kind, sn)
) STRICT, WITHOUT ROWID;

CREATE INDEX findings_open ON findings (report) WHERE report IN (1, 2);
