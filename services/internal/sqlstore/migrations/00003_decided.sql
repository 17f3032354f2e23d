-- SPDX-FileCopyrightText: The e-coupon consortium authors
-- SPDX-License-Identifier: Apache-2.0

-- +goose Up
CREATE INDEX submissions_decided ON submissions (sent_at) WHERE state <> 'pending';
