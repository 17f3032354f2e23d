// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package serve_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	retailerv1 "ecoupon/proto/gen/coupon/retailer/v1"
	"ecoupon/services/internal/config"
	"ecoupon/services/internal/serve"
)

func TestStopWaitsForCallsThenEndsTasks(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	var tasksEnded atomic.Bool
	o := options(&handlers{redeem: func(context.Context) error {
		entered <- struct{}{}
		<-leave
		if tasksEnded.Load() {
			return errors.New("the tasks ended before the call")
		}
		return nil
	}})
	o.Tasks = []serve.Task{
		{Name: "follow", Run: func(ctx context.Context) error { <-ctx.Done(); tasksEnded.Store(true); return nil }},
		{Name: "resume", Run: func(context.Context) error { return nil }},
	}
	service, till := client(t, o)
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := till.Redeem(t.Context(), &retailerv1.RedeemRequest{}); err != nil {
			t.Errorf("a call that was running: %v", err)
		}
	})
	<-entered
	group.Go(func() {
		if err := service.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	eventually(t, "new calls are refused", func() bool {
		_, err := till.Verify(t.Context(), &retailerv1.VerifyRequest{})
		return status.Code(err) == codes.Unavailable
	})
	close(leave)
	group.Wait()
	if !tasksEnded.Load() {
		t.Error("the task was left running")
	}
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	o := options(&handlers{redeem: func(ctx context.Context) error { close(entered); <-ctx.Done(); return ctx.Err() }})
	o.Config.ShutdownTimeout = config.Duration(50 * time.Millisecond)
	service, till := client(t, o)
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := till.Redeem(t.Context(), &retailerv1.RedeemRequest{}); err == nil {
			t.Error("answered")
		}
	})
	<-entered
	if err := service.Stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	group.Wait()
}

func TestATaskThatFailsEndsTheService(t *testing.T) {
	t.Parallel()
	lost := errors.New("the disk is full")
	o := options(&handlers{})
	o.Tasks = []serve.Task{{Name: "follow", Run: func(context.Context) error { return lost }}}
	service, _ := client(t, o)
	if err := service.Wait(); !errors.Is(err, lost) || !strings.Contains(err.Error(), "follow") {
		t.Errorf("got %v", err)
	}
}
