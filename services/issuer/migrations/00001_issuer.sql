-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- Requests that write, so that a repeat is told from another request with the
-- same id, and has no second effect.
CREATE TABLE requests (
    request_id TEXT    NOT NULL PRIMARY KEY,
    digest     BLOB    NOT NULL,  -- SHA-256 of method and request
    done       INTEGER NOT NULL   -- 1 once it has had its effect
) STRICT, WITHOUT ROWID;

-- What was redeemed, by framework.
CREATE TABLE statistics (
    framework_id BLOB    NOT NULL PRIMARY KEY,
    redeemed     INTEGER NOT NULL,
    voided       INTEGER NOT NULL,
    value        INTEGER NOT NULL  -- minor units of the campaign's currency
) STRICT, WITHOUT ROWID;

-- Redemptions whose void is in the statistics.
CREATE TABLE voided (
    redemption_id BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
