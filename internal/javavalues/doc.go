// Package javavalues is the text form of Connect values that header converters
// use (org.apache.kafka.connect.data.Values): [Append] writes a value, [Parse]
// guesses schema and value of a text.
package javavalues
