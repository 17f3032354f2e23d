// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"reflect"

	"github.com/hyperledger/fabric-contract-api-go/v2/metadata"
)

// texts hands requests and answers through as they are. The framework's own
// serializer would parse an answer once more and compare it with a JSON schema
// that says "text".
type texts struct{}

// FromString returns the request.
func (texts) FromString(text string, _ reflect.Type, _ *metadata.ParameterMetadata, _ *metadata.ComponentMetadata) (reflect.Value, error) {
	return reflect.ValueOf(text), nil
}

// ToString returns the answer.
func (texts) ToString(answer reflect.Value, _ reflect.Type, _ *metadata.ReturnMetadata, _ *metadata.ComponentMetadata) (string, error) {
	return answer.String(), nil
}
