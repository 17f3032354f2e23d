-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up
CREATE TABLE payments (
    number      TEXT PRIMARY KEY,  -- the authorisation code
    merchant    TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    currency    TEXT NOT NULL,
    amount      INTEGER NOT NULL,  -- minor units
    paid_at     INTEGER NOT NULL,  -- Unix milliseconds
    attestation BLOB NOT NULL,
    UNIQUE (merchant, request_id)
) STRICT, WITHOUT ROWID;
