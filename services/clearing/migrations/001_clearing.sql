-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up
CREATE TABLE claims (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    issuer     TEXT NOT NULL,
    retailer   TEXT NOT NULL,
    claim_id   TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,   -- Unix milliseconds, by its transaction
    record     TEXT NOT NULL,      -- JSON, the own copy on the ledger
    state      TEXT NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'accepted', 'disputed', 'settled')),
    UNIQUE (issuer, retailer, claim_id)
) STRICT;

CREATE TABLE claimed (
    issuer   TEXT NOT NULL,
    batch_id BLOB NOT NULL,
    claim    INTEGER NOT NULL REFERENCES claims (number),
    place    INTEGER NOT NULL,     -- in the claim's list
    coupons  INTEGER NOT NULL,     -- of the batch's record, counting or not
    PRIMARY KEY (issuer, batch_id, claim)
) STRICT, WITHOUT ROWID;

CREATE INDEX claimed_claim ON claimed (claim, place);

-- Invoices that counted when their claim was last reconciled.
CREATE TABLE uses (
    claim         INTEGER NOT NULL REFERENCES claims (number),
    redemption_id BLOB NOT NULL,
    batch_id      BLOB NOT NULL,
    institute     TEXT NOT NULL,
    invoice       TEXT NOT NULL,
    retailer      TEXT NOT NULL,
    PRIMARY KEY (claim, redemption_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX uses_invoice ON uses (institute, invoice, retailer);

CREATE TABLE runs (
    request_id  TEXT PRIMARY KEY,
    run_id      TEXT NOT NULL,
    ran_at      INTEGER NOT NULL,
    claims      INTEGER NOT NULL,
    differences TEXT NOT NULL      -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE settlements (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    settlement_id TEXT NOT NULL UNIQUE,
    until         INTEGER,         -- as requested, 0 for now; NULL if only the ledger knows it
    settled_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE parts (
    settlement_id TEXT NOT NULL REFERENCES settlements (settlement_id),
    issuer        TEXT NOT NULL,
    retailer      TEXT NOT NULL,
    part          INTEGER NOT NULL,
    salt          BLOB NOT NULL,
    record        TEXT NOT NULL,   -- JSON, the own copy on the ledger; empty until it is there
    PRIMARY KEY (settlement_id, issuer, retailer, part)
) STRICT, WITHOUT ROWID;

-- A batch is in one settlement only.
CREATE TABLE settled (
    issuer        TEXT NOT NULL,
    batch_id      BLOB NOT NULL,
    settlement_id TEXT NOT NULL,
    retailer      TEXT NOT NULL,
    part          INTEGER NOT NULL,
    PRIMARY KEY (issuer, batch_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX settled_part ON settled (settlement_id, issuer, retailer, part);

CREATE TABLE remittances (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
    settlement_id TEXT NOT NULL REFERENCES settlements (settlement_id),
    position      TEXT NOT NULL    -- JSON
) STRICT;

CREATE INDEX remittances_settlement ON remittances (settlement_id);
