-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- The last serial number given out of each lane.
CREATE TABLE lanes (
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    last_sn      INTEGER NOT NULL,
    PRIMARY KEY (framework_id, lane)
) STRICT, WITHOUT ROWID;

-- To which request each serial number was given. It says nothing about who
-- asked, from where or when.
CREATE TABLE issued (
    request_id   TEXT    NOT NULL PRIMARY KEY,
    framework_id BLOB    NOT NULL,
    lane         INTEGER NOT NULL,
    sn           INTEGER NOT NULL,
    owner        BLOB    NOT NULL,  -- empty for bearer coupons
    UNIQUE (framework_id, lane, sn)
) STRICT, WITHOUT ROWID;
