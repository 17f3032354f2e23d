-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- What was given out: the serial numbers of a lane that were given out in one
-- transaction, of one frame, with an entry for each, all of one size and one after
-- the other. An entry is the request's id (16 bytes); of dynamic coupons the time
-- of release (Unix milliseconds, 8 bytes, big-endian); the owner, or what the
-- request chose in its place (32 bytes, none for static bearer coupons); of
-- dynamic coupons the link of the dependence chain (32 bytes), so that entries are
-- the lane's log. They say nothing about who asked, from where or when.
CREATE TABLE runs (
    run          INTEGER NOT NULL PRIMARY KEY,  -- in order of time
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    first_sn     INTEGER NOT NULL,
    last_sn      INTEGER NOT NULL,
    frame        INTEGER,                       -- null for static coupons
    entries      BLOB    NOT NULL,
    UNIQUE (framework_id, lane, last_sn),
    CHECK (first_sn <= last_sn AND length(entries) % (last_sn - first_sn + 1) = 0)
) STRICT;

-- Where the entry of a request is. The newest requests are not here.
CREATE TABLE requests (
    request_id BLOB NOT NULL PRIMARY KEY,
    place      BLOB NOT NULL  -- the run (6 bytes), which of its entries (2), big-endian
) STRICT, WITHOUT ROWID;

-- The last run whose requests, and those of all runs before, are in requests: one
-- row.
CREATE TABLE indexed (run INTEGER NOT NULL) STRICT;

INSERT INTO runs (framework_id, lane, first_sn, last_sn, frame, entries)
SELECT framework_id, lane, sn, sn, frame,
       unhex(replace(request_id, '-', '') || iif(frame IS NULL, '', printf('%016x', time)) || hex(owner) || iif(frame IS NULL, '', hex(q)))
FROM issued ORDER BY framework_id, lane, sn;

INSERT INTO requests (request_id, place)
SELECT substr(entries, 1, 16), unhex(printf('%016x', run << 16)) FROM runs ORDER BY 1;

INSERT INTO indexed SELECT coalesce(max(run), 0) FROM runs;

DROP TABLE issued;
