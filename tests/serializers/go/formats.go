package main

import (
	"context"
	"encoding/json"
	"math/big"
	"time"

	"github.com/bufbuild/protocompile"
	"github.com/hamba/avro/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

func avroEncoder(schema string, version int) (encoder, error) {
	parsed, err := avro.ParseWithCache(schema, "", &avro.SchemaCache{})
	if err != nil {
		return nil, err
	}
	return func(t trade) ([]byte, error) {
		day, err := time.Parse(time.DateOnly, t.Day)
		if err != nil {
			return nil, err
		}
		value := map[string]any{
			"id": t.ID, "symbol": t.Symbol, "price": t.Price, "at": time.UnixMilli(t.AtMs).UTC(), "day": day, "side": t.Side,
			"levels": t.Levels, "tags": t.Tags, "amount": big.NewRat(t.Cents, 100), "raw": t.Raw,
			"venue": map[string]any{"name": t.Venue.Name, "region": orNil(t.Venue.Region, "string")},
		}
		switch either := t.Either.(type) {
		case nil:
			value["either"] = nil
		case float64:
			value["either"] = map[string]any{"long": int64(either)}
		default:
			value["either"] = map[string]any{"string": either}
		}
		switch {
		case t.Qty == nil:
			value["qty"] = nil
		case version < 3:
			value["qty"] = map[string]any{"int": int(*t.Qty)}
		default:
			value["qty"] = map[string]any{"long": *t.Qty}
		}
		if version < 4 {
			value["note"] = orNil(t.Note, "string")
		} else {
			value["trader"] = t.Trader
		}
		if version > 1 {
			value["fee"] = orNil(t.Fee, "double")
		}
		return avro.Marshal(parsed, value)
	}, nil
}

// orNil is a union's value.
func orNil[T any](value *T, branch string) any {
	if value == nil {
		return nil
	}
	return map[string]any{branch: *value}
}

func jsonEncoder(_ string, version int) (encoder, error) {
	return func(t trade) ([]byte, error) {
		value := map[string]any{
			"id": t.ID, "symbol": t.Symbol, "price": t.Price, "qty": t.Qty, "at": time.UnixMilli(t.AtMs).UTC(), "day": t.Day,
			"side": t.Side, "levels": t.Levels, "tags": t.Tags, "venue": t.Venue, "amount": float64(t.Cents) / 100, "raw": t.Raw,
		}
		if version < 4 {
			value["note"] = t.Note
		}
		if version > 1 {
			value["fee"] = t.Fee
		}
		return json.Marshal(value)
	}, nil
}

func protobufEncoder(schema string, version int) (encoder, error) {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"trade.proto": schema}),
	})}
	files, err := compiler.Compile(context.Background(), "trade.proto")
	if err != nil {
		return nil, err
	}
	kind := files[0].Messages().ByName("Trade")
	return func(t trade) ([]byte, error) {
		message := dynamicpb.NewMessage(kind)
		set(message, "id", t.ID)
		set(message, "symbol", t.Symbol)
		set(message, "price", t.Price)
		set(message, "raw", t.Raw)
		side := kind.Enums().ByName("Side").Values().ByName(protoreflect.Name(t.Side))
		set(message, "side", side.Number())
		at := message.Mutable(field(message, "at")).Message()
		at.Set(at.Descriptor().Fields().ByName("seconds"), protoreflect.ValueOf(t.AtMs/1000))
		at.Set(at.Descriptor().Fields().ByName("nanos"), protoreflect.ValueOf(int32(t.AtMs%1000*1_000_000)))
		venue := message.Mutable(field(message, "venue")).Message()
		venue.Set(venue.Descriptor().Fields().ByName("name"), protoreflect.ValueOf(t.Venue.Name))
		if t.Venue.Region != nil {
			venue.Set(venue.Descriptor().Fields().ByName("region"), protoreflect.ValueOf(*t.Venue.Region))
		}
		levels := message.Mutable(field(message, "levels")).List()
		for _, level := range t.Levels {
			levels.Append(protoreflect.ValueOf(level))
		}
		tags := message.Mutable(field(message, "tags")).Map()
		for key, value := range t.Tags {
			tags.Set(protoreflect.ValueOf(key).MapKey(), protoreflect.ValueOf(value))
		}
		switch either := t.Either.(type) {
		case float64:
			set(message, "either_long", int64(either))
		case string:
			set(message, "either_string", either)
		}
		switch {
		case t.Qty != nil && version < 3:
			set(message, "qty", int32(*t.Qty))
		case t.Qty != nil:
			set(message, "qty", *t.Qty)
		}
		if t.Note != nil && version < 4 {
			set(message, "note", *t.Note)
		}
		if t.Fee != nil && version > 1 {
			set(message, "fee", *t.Fee)
		}
		if version > 3 {
			set(message, "trader", t.Trader)
		}
		return proto.Marshal(message)
	}, nil
}

func field(message protoreflect.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	return message.Descriptor().Fields().ByName(name)
}

func set(message protoreflect.Message, name protoreflect.Name, value any) {
	message.Set(field(message, name), protoreflect.ValueOf(value))
}
