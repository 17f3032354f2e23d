-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up
-- Whether the request is known to have voided the redemption; until then the
-- ledger is asked. Requests of before count as they did.
ALTER TABLE voids ADD COLUMN done INTEGER NOT NULL DEFAULT 0;
UPDATE voids SET done = 1;
