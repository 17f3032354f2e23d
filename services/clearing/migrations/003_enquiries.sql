-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up
-- Unattested payments of redemptions that count, drawn (open) or spared when
-- their claim was first reconciled; known or unknown once their institute has
-- answered.
CREATE TABLE enquiries (
    claim         INTEGER NOT NULL REFERENCES claims (number),
    redemption_id BLOB NOT NULL,
    batch_id      BLOB NOT NULL,
    invoice       TEXT NOT NULL,   -- JSON
    state         TEXT NOT NULL CHECK (state IN ('spared', 'open', 'known', 'unknown')),
    PRIMARY KEY (claim, redemption_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX enquiries_state ON enquiries (state) WHERE state IN ('open', 'unknown');
