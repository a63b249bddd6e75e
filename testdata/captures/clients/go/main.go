// Sends the records of a capture with franz-go or sarama.
//
//	capture CLIENT BOOTSTRAP TOPIC COMPRESSION ACKS IDENTITY SPEAKS FILE...
//
// IDENTITY is none, idempotent or transactional; SPEAKS is the version of Kafka to talk as to, or newest.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

type settings struct {
	bootstrap, topic, compression, acks, identity, speaks string
	records                                               []record
}

// In keys and values, nil is null.
type record struct {
	partition  int32
	timestamp  int64
	key, value []byte
	headers    []header
}

type header struct {
	key   string
	value []byte
}

func main() {
	arguments := os.Args[1:]
	asked := settings{
		bootstrap: arguments[1], topic: arguments[2], compression: arguments[3],
		acks: arguments[4], identity: arguments[5], speaks: arguments[6],
	}
	for _, file := range arguments[7:] {
		asked.records = append(asked.records, read(file)...)
	}
	send := map[string]func(settings) error{"franz-go": franz, "sarama": shopify}[arguments[0]]
	if err := send(asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(file string) (records []record) {
	text := must(os.ReadFile(file))
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		read := record{
			partition: int32(must(strconv.Atoi(fields[0]))),
			timestamp: must(strconv.ParseInt(fields[1], 10, 64)),
			key:       content(fields[2]),
			value:     content(fields[3]),
		}
		for at := 4; at < len(fields); at += 2 {
			read.headers = append(read.headers, header{string(content(fields[at])), content(fields[at+1])})
		}
		records = append(records, read)
	}
	return records
}

func content(field string) []byte {
	if field == "null" {
		return nil
	}
	text, times, repeated := strings.Cut(field, "\"*")
	text = strings.TrimPrefix(strings.TrimSuffix(text, "\""), "\"")
	if !repeated {
		times = "1"
	}
	return append([]byte{}, strings.Repeat(text, must(strconv.Atoi(times)))...)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
