-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up

-- Where each mandate stands, as the ledger has it: JSON; empty for one that never
-- changed. Frames are kept of lanes of static coupons, too; they have no entries
-- in a log.
ALTER TABLE frameworks ADD COLUMN state TEXT NOT NULL DEFAULT '';
