//! Messages in the protobuf wire format, written field by field.

/// A message that is being written.
#[derive(Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    fn tag(&mut self, field: u32, wire_type: u32) {
        varint(&mut self.0, u64::from(field << 3 | wire_type));
    }

    /// A number, or a truth.
    pub fn number(&mut self, field: u32, value: u64) -> &mut Self {
        self.tag(field, 0);
        varint(&mut self.0, value);
        self
    }

    /// A number with a sign (`sint32`, `sint64`).
    pub fn signed(&mut self, field: u32, value: i64) -> &mut Self {
        self.number(field, zigzag(value))
    }

    /// Eight bytes: `fixed64`.
    pub fn fixed(&mut self, field: u32, value: u64) -> &mut Self {
        self.tag(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Eight bytes: `double`.
    pub fn double(&mut self, field: u32, value: f64) -> &mut Self {
        self.fixed(field, value.to_bits())
    }

    /// Text, bytes, or a message that is written already.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) -> &mut Self {
        self.tag(field, 2);
        varint(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// A message within this one.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Message)) -> &mut Self {
        let mut inner = Message::default();
        write(&mut inner);
        self.bytes(field, &inner.0)
    }

    /// A list of signed numbers, packed.
    pub fn signed_list(&mut self, field: u32, values: impl IntoIterator<Item = i64>) -> &mut Self {
        let mut packed = Vec::new();
        values.into_iter().for_each(|v| varint(&mut packed, zigzag(v)));
        self.bytes(field, &packed)
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}
