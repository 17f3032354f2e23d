// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	clearingv1 "ecoupon/proto/gen/coupon/clearing/v1"
	"ecoupon/services/campaignfile"
)

func (a *app) registerInstitute() *cobra.Command {
	var request requestFlag
	var issuer string
	var keys []string
	var withdraw bool
	cmd := &cobra.Command{
		Use: "register-institute NAME", Short: "Replace the keys with which a payment institute's attestations are checked", Args: cobra.ExactArgs(1),
		Long: "Replace the keys with which a payment institute's attestations are checked at\n" +
			"one issuer. Name every key that is to be good: one that is left out attests\n" +
			"nothing any more, not even payments made before.",
		RunE: a.run(func(ctx context.Context, args []string) error {
			if withdraw == (len(keys) > 0) {
				return usagef("name all keys with --key, or --withdraw the institute")
			}
			id, err := request.value()
			if err != nil {
				return err
			}
			message := &clearingv1.RegisterInstituteRequest{RequestId: id, Institute: args[0]}
			for _, text := range keys {
				key, err := parseKey(text, a.env.Now())
				if err != nil {
					return usagef("--key %s: %w", text, err)
				}
				message.Keys = append(message.Keys, key)
			}
			if message.Issuer, err = a.only(roleIssuer, issuer, "issuer"); err != nil {
				return err
			}
			client, done, err := service(a, roleClearing, clearingv1.NewClearingServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.RegisterInstitute(ctx, message)
			if err != nil {
				return repeatable(id, err)
			}
			return a.show(answer, func() string { return a.instituteText(answer.GetInstitute()) })
		}),
	}
	request.add(cmd)
	cmd.Flags().StringVar(&issuer, "issuer", "", "MSP id of the issuer (default: the only one)")
	cmd.Flags().StringArrayVar(&keys, "key", nil, "public key in hex, as in HEX or HEX,from=2030-05-01,until=+365d; several times")
	cmd.Flags().BoolVar(&withdraw, "withdraw", false, "leave the institute without a key")
	return cmd
}

// parseKey reads a key and, where they are given, its times.
func parseKey(text string, now time.Time) (*clearingv1.InstituteKey, error) {
	parts := strings.Split(text, ",")
	key := &clearingv1.InstituteKey{Key: parts[0]}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		at, err := campaignfile.ParseTime(value, now)
		if err != nil {
			return nil, err
		}
		switch {
		case name == "from" && key.FromTime == nil:
			key.FromTime = timestamppb.New(at)
		case name == "until" && key.UntilTime == nil:
			key.UntilTime = timestamppb.New(at)
		default:
			return nil, fmt.Errorf("%q is not one from= or until=", part)
		}
	}
	return key, nil
}

func (a *app) registeredInstitute() *cobra.Command {
	var issuer string
	cmd := &cobra.Command{
		Use: "institute NAME", Short: "Show the keys of a payment institute", Args: cobra.ExactArgs(1),
		RunE: a.run(func(ctx context.Context, args []string) error {
			named, err := a.only(roleIssuer, issuer, "issuer")
			if err != nil {
				return err
			}
			client, done, err := service(a, roleClearing, clearingv1.NewClearingServiceClient)
			if err != nil {
				return err
			}
			defer done()
			answer, err := client.GetInstitute(ctx, &clearingv1.GetInstituteRequest{Issuer: named, Institute: args[0]})
			if err != nil {
				return err
			}
			return a.show(answer, func() string { return a.instituteText(answer.GetInstitute()) })
		}),
	}
	cmd.Flags().StringVar(&issuer, "issuer", "", "MSP id of the issuer (default: the only one)")
	return cmd
}

func (a *app) instituteText(i *clearingv1.Institute) string {
	head := fmt.Sprintf("%s, for %s\n", printable(i.GetInstitute()), i.GetIssuer())
	if len(i.GetKeys()) == 0 {
		return head + "It has no key: its attestations are refused.\n"
	}
	t := newTable("key", "from", "until")
	for _, k := range i.GetKeys() {
		t.add(k.GetKey(), a.when(k.GetFromTime()), a.when(k.GetUntilTime()))
	}
	return head + t.String()
}
