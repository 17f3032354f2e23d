-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up
CREATE TABLE checkpoints (
    name       TEXT PRIMARY KEY,
    next_block INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE submissions (
    transaction_id TEXT PRIMARY KEY,
    namespace      TEXT NOT NULL,
    function       TEXT NOT NULL,
    reference      TEXT NOT NULL,
    bytes          BLOB,              -- until decided
    sent_at        INTEGER NOT NULL,  -- Unix milliseconds
    state          TEXT NOT NULL CHECK (state IN ('pending', 'valid', 'invalid')),
    block          INTEGER,
    code           TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX submissions_pending ON submissions (sent_at) WHERE state = 'pending';
CREATE INDEX submissions_reference ON submissions (function, reference);
