//as wire

package wire

// todo lists are Kafka's word for what is left of a reassignment
const a = "TODO in a text is data"
