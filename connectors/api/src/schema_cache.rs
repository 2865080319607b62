//! Plans by schema: made once, found again by comparing a pointer.

use std::collections::HashMap;

use crate::Schema;

/// What was prepared for schemas, so that it is prepared once per schema and not once per record.
///
/// The plan used last is found by comparing a pointer. When the limit is reached, all plans are forgotten: a task that
/// meets more schemas than that does not meet the old ones again.
#[derive(Debug)]
pub struct SchemaCache<P> {
    limit: usize,
    /// The schemas are held, so that no other can take the address of one.
    plans: Vec<(Schema, P)>,
    by_address: HashMap<usize, usize>,
    last: usize,
}

impl<P> SchemaCache<P> {
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), plans: Vec::new(), by_address: HashMap::new(), last: 0 }
    }

    /// The plan for this schema, made now where there is none.
    pub fn plan<E>(&mut self, schema: &Schema, make: impl FnOnce(&Schema) -> Result<P, E>) -> Result<&mut P, E> {
        if !self.plans.get(self.last).is_some_and(|(known, _)| known.same(schema)) {
            self.last = self.find(schema, make)?;
        }
        Ok(&mut self.plans[self.last].1)
    }

    fn find<E>(&mut self, schema: &Schema, make: impl FnOnce(&Schema) -> Result<P, E>) -> Result<usize, E> {
        let address = std::ptr::from_ref(&**schema).addr();
        if let Some(at) = self.by_address.get(&address) {
            return Ok(*at);
        }
        // Some sources make an equal schema anew for each record; comparing costs less than planning.
        if self.plans.get(self.last).is_some_and(|(known, _)| known == schema) {
            return Ok(self.last);
        }
        let plan = make(schema)?;
        if self.plans.len() >= self.limit {
            self.plans.clear();
            self.by_address.clear();
        }
        self.by_address.insert(address, self.plans.len());
        self.plans.push((schema.clone(), plan));
        Ok(self.plans.len() - 1)
    }
}

impl<P> Default for SchemaCache<P> {
    /// Room for the tables of a large database.
    fn default() -> Self {
        Self::new(10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SchemaBuilder;

    #[test]
    fn a_schema_is_planned_once_while_it_is_remembered() {
        let mut cache = SchemaCache::new(2);
        let mut made = 0;
        let mut plan = |schema: &Schema, cache: &mut SchemaCache<String>| {
            let text = cache.plan(schema, |schema| {
                made += 1;
                Ok::<_, ()>(schema.ty.java_name().to_owned())
            });
            (text.unwrap().clone(), made)
        };
        let (a, b) = (SchemaBuilder::int32().build(), SchemaBuilder::string().build());
        assert_eq!(plan(&a, &mut cache), ("INT32".to_owned(), 1));
        assert_eq!(plan(&b, &mut cache), ("STRING".to_owned(), 2));
        assert_eq!(plan(&a, &mut cache), ("INT32".to_owned(), 2));
        // An equal schema of its own is the same plan while that one was used last.
        assert_eq!(plan(&SchemaBuilder::int32().build(), &mut cache), ("INT32".to_owned(), 2));
        assert_eq!(plan(&SchemaBuilder::boolean().build(), &mut cache), ("BOOLEAN".to_owned(), 3));
        assert_eq!(plan(&b, &mut cache), ("STRING".to_owned(), 4));
    }
}
