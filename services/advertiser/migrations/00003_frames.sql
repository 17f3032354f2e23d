-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- 1 for a lane of dynamic coupons that another has gone on in, or may have: no
-- coupon of it is made any more, and no frame of it is closed.
ALTER TABLE lanes ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;

-- Of dynamic coupons, besides what their request chose (owner): the frame, the
-- time of release and the link of the dependence chain. With these a row is the
-- coupon's entry in its lane's log.
ALTER TABLE issued ADD COLUMN frame INTEGER;
ALTER TABLE issued ADD COLUMN time  INTEGER;  -- Unix milliseconds
ALTER TABLE issued ADD COLUMN q     BLOB;

-- The frames of lanes of dynamic coupons, frame 0 (the opening) included. What a
-- frame is closed with is stored before it is sent.
CREATE TABLE frames (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    frame        INTEGER NOT NULL,
    opened       INTEGER NOT NULL,  -- ledger time, Unix milliseconds
    beacon       BLOB    NOT NULL,  -- zero for frame 0
    first_sn     INTEGER NOT NULL,
    q_first      BLOB    NOT NULL,  -- q_0 of the frame
    salt         BLOB,              -- null while coupons are made in it
    q_last       BLOB,
    last_sn      INTEGER,
    root         BLOB,
    closed       INTEGER,           -- ledger time; null until it is closed there
    PRIMARY KEY (framework_id, lane, frame)
) STRICT, WITHOUT ROWID;
