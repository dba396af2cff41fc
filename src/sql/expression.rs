use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_select::concat::concat;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, DataFusionError, SchemaError};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{Expr, Volatility};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::expressions::BinaryExpr;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::parser::DFParser;
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast;
use datafusion_sql::sqlparser::parser::ParserError;
use parking_lot::Mutex;

use super::arrays::{cast, column_type, find, type_of};
use super::functions::Functions;
use super::{Fault, bounds};
use crate::rows::{Block, Target};

/// More combinations of columns' types than this are forgotten: the blocks of a table have the same few again and again.
const MAX_READY: usize = 64;

/// What a column that nothing is known of may be, in the order in which it is tried.
const GUESSES: [DataType; 5] = [
    DataType::Null,
    DataType::Float64,
    DataType::Utf8,
    DataType::Boolean,
    DataType::Timestamp(TimeUnit::Microsecond, None),
];

/// With many unknown columns not all combinations of guesses are tried.
const MAX_ATTEMPTS: usize = 250;

/// What is known of the types of an expression's inputs.
type Types = Vec<Option<DataType>>;

/// An expression of the settings.
pub(super) struct Expression {
    pub sql: String,
    parsed: ast::Expr,
    /// Whether it is a condition, which is either true or not.
    condition: bool,
    /// The columns that it names, as it names them and in lower case.
    pub inputs: Vec<(String, String)>,
    /// What has been made ready, by the types of the inputs, or why it could not be.
    ready: Mutex<HashMap<Types, Result<Arc<Ready>, String>>>,
}

/// An expression for inputs of certain types.
struct Ready {
    expression: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    /// What its values become.
    column_type: DataType,
    /// Whether it is the same at all times.
    timeless: bool,
}

impl Expression {
    /// Reads an expression. Err: it is no SQL, or makes no sense whatever the types of its columns.
    pub fn new(sql: &str, condition: bool) -> Result<Self, String> {
        let parsed = DFParser::parse_sql_into_expr(sql).map_err(|error| reason(&error))?;
        if let Some(alias) = &parsed.alias {
            return Err(format!("`as {alias}` is too much: the column's name is the setting's"));
        }
        let mut expression = Self {
            sql: sql.to_owned(),
            parsed: parsed.expr,
            condition,
            inputs: Vec::new(),
            ready: Mutex::default(),
        };
        let mut names = Vec::new();
        expression.guess(&mut names, &[])?;
        let with_lower = |name: String| {
            let lower = name.to_lowercase();
            (name, lower)
        };
        expression.inputs = names.into_iter().map(with_lower).collect();
        Ok(expression)
    }

    /// A block's values, of the type of a column, and the rows for which there is none because of an error. Err: that
    /// is so for all of them.
    pub fn values(
        &self,
        block: &Block,
        target: &dyn Fn(&str) -> Option<Target>,
    ) -> Result<(ArrayRef, Vec<Fault>), String> {
        let mut arrays = Vec::with_capacity(self.inputs.len());
        let mut types = Vec::with_capacity(self.inputs.len());
        for (name, lower) in &self.inputs {
            let array = find(block, lower).transpose()?;
            types.push(match &array {
                Some(array) => Some(array.data_type().clone()),
                None => target(lower)
                    .map_or(Ok(None), |target| type_of(&target))
                    .map_err(|reason| format!("column {name}: {reason}"))?,
            });
            arrays.push(array);
        }
        let ready = self.ready(types)?;
        let fields = ready.schema.fields().iter();
        let arrays = arrays
            .into_iter()
            .zip(fields)
            .map(|(array, field)| array.unwrap_or_else(|| new_null_array(field.data_type(), block.rows())));
        let options = RecordBatchOptions::new().with_row_count(Some(block.rows()));
        let batch = RecordBatch::try_new_with_options(ready.schema.clone(), arrays.collect(), &options)
            .map_err(|error| error.to_string())?;
        ready.evaluate(&batch)
    }

    fn ready(&self, types: Types) -> Result<Arc<Ready>, String> {
        if let Some(ready) = self.ready.lock().get(&types) {
            return ready.clone();
        }
        let mut names: Vec<_> = self.inputs.iter().map(|(name, _)| name.clone()).collect();
        let ready = self.guess(&mut names, &types).map(Arc::new);
        if ready.as_ref().is_ok_and(|ready| !ready.timeless) {
            return ready;
        }
        let mut all = self.ready.lock();
        if all.len() >= MAX_READY {
            all.clear();
        }
        all.insert(types, ready.clone());
        ready
    }

    /// Makes the expression ready for columns of these types, with guesses for those that are not known. `names` becomes
    /// the names of all columns.
    fn guess(&self, names: &mut Vec<String>, types: &[Option<DataType>]) -> Result<Ready, String> {
        let mut first = None;
        let mut attempt = |names: &mut Vec<String>, guess: &dyn Fn(usize) -> DataType| {
            let known = |place: usize| types.get(place).cloned().flatten();
            match self.plan(names, &|place| known(place).unwrap_or_else(|| guess(place))) {
                Ok(ready) => Some(ready),
                Err(error) => {
                    first.get_or_insert(error);
                    None
                }
            }
        };
        // Likely all are of one type; only then is it worth while to try all combinations.
        for guess in &GUESSES {
            if let Some(ready) = attempt(names, &|_| guess.clone()) {
                return Ok(ready);
            }
        }
        let unknown = |place: usize| types.get(place).is_none_or(Option::is_none);
        let open: Vec<usize> = (0..names.len()).filter(|place| unknown(*place)).collect();
        let combinations = match open.len() {
            0 | 1 => 0,
            many => GUESSES.len().saturating_pow(many as u32).min(MAX_ATTEMPTS),
        };
        for combination in 0..combinations {
            let guess = |place: usize| {
                let digit = open.iter().position(|other| *other == place).unwrap_or_default();
                let power = GUESSES.len().saturating_pow(digit as u32);
                GUESSES[combination / power % GUESSES.len()].clone()
            };
            if let Some(ready) = attempt(names, &guess) {
                return Ok(ready);
            }
        }
        Err(first.unwrap_or_default())
    }

    fn plan(&self, names: &mut Vec<String>, type_of: &dyn Fn(usize) -> DataType) -> Result<Ready, String> {
        let says = |error: DataFusionError| reason(&error);
        loop {
            let field = |(place, name): (usize, &String)| Field::new(name, type_of(place), true);
            let schema = Arc::new(Schema::new(names.iter().enumerate().map(field).collect::<Vec<_>>()));
            let named = Arc::new(DFSchema::try_from(schema.as_ref().clone()).map_err(says)?);
            let planner = SqlToRel::new(Functions::all());
            let parsed = self.parsed.clone();
            match planner.sql_to_expr(parsed, &named, &mut PlannerContext::new()) {
                Ok(expression) => return self.make_ready(expression, schema, &named),
                Err(error) => match unknown_column(&error) {
                    Some(name) if !names.contains(&name) => names.push(name),
                    _ => return Err(reason(&error)),
                },
            }
        }
    }

    fn make_ready(
        &self,
        expression: Expr,
        schema: SchemaRef,
        named: &Arc<DFSchema>,
    ) -> Result<Ready, String> {
        let (expression, timeless) = physical(expression, named).map_err(|error| reason(&error))?;
        let data_type = expression.data_type(&schema).map_err(|error| reason(&error))?;
        if self.condition && !matches!(data_type, DataType::Boolean | DataType::Null) {
            return Err(format!("it is no condition: it makes values of type {data_type}"));
        }
        Ok(Ready { expression, schema, column_type: column_type(&data_type)?, timeless })
    }
}

/// What the engine evaluates, and whether it is the same at all times.
fn physical(
    expression: Expr,
    named: &Arc<DFSchema>,
) -> Result<(Arc<dyn PhysicalExpr>, bool), DataFusionError> {
    let timeless = !expression.exists(|part| {
        Ok(matches!(part, Expr::ScalarFunction(call) if call.func.signature().volatility == Volatility::Stable))
    })?;
    let context = SimplifyContext::builder().with_schema(named.clone()).with_current_time().build();
    let simplifier = ExprSimplifier::new(context);
    let expression = simplifier.simplify(simplifier.coerce(expression, named)?)?;
    bounds::check(&expression)?;
    let expression = create_physical_expr(&expression, named, &ExecutionProps::new(), &Default::default())?;
    // What does not fit is an error: the engine would go on with what is left of it.
    let expression = expression
        .transform(|part| {
            Ok(match part.downcast_ref::<BinaryExpr>().cloned() {
                Some(operation) => {
                    Transformed::yes(Arc::new(operation.with_fail_on_overflow(true)) as Arc<dyn PhysicalExpr>)
                }
                None => Transformed::no(part),
            })
        })?
        .data;
    Ok((expression, timeless))
}

impl Ready {
    /// One row may be enough for all to fail, and an operand that a row does not need may fail for it. So where there is an
    /// error each half is asked for itself, down to single rows.
    fn evaluate(&self, batch: &RecordBatch) -> Result<(ArrayRef, Vec<Fault>), String> {
        let mut pieces = Vec::new();
        let mut faults = Vec::new();
        let mut open = vec![(0, batch.num_rows())];
        while let Some((start, rows)) = open.pop() {
            match self.evaluate_all(&batch.slice(start, rows)) {
                Ok(values) => pieces.push(values),
                Err(reason) if rows <= 1 => {
                    faults.push(Fault { row: start, reason });
                    pieces.push(new_null_array(&self.column_type, rows));
                }
                Err(_) => {
                    open.push((start + rows / 2, rows - rows / 2));
                    open.push((start, rows / 2));
                }
            }
        }
        let values = match pieces.as_slice() {
            [values] => values.clone(),
            pieces => {
                let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
                concat(&pieces).map_err(|error| error.to_string())?
            }
        };
        Ok((values, faults))
    }

    fn evaluate_all(&self, batch: &RecordBatch) -> Result<ArrayRef, String> {
        let evaluate = || self.expression.evaluate(batch)?.into_array(batch.num_rows());
        // The code is not ours, and the values are anybody's.
        let values = match catch_unwind(AssertUnwindSafe(evaluate)) {
            Ok(values) => values.map_err(|error| reason(&error))?,
            Err(_) => return Err("the engine has failed on this value".to_owned()),
        };
        if values.len() != batch.num_rows() {
            return Err(format!("the engine has made {} values for {} rows", values.len(), batch.num_rows()));
        }
        let values = cast(&values, &self.column_type).map_err(|error| error.to_string())?;
        Ok(values)
    }
}

/// A condition's values as booleans. None: all are null.
pub(super) fn truths(values: &ArrayRef) -> Option<arrow_buffer::BooleanBuffer> {
    let values = values.as_boolean_opt()?;
    // As in SQL, a condition that is null does not hold.
    Some(match values.nulls() {
        Some(nulls) => values.values() & nulls.inner(),
        None => values.values().clone(),
    })
}

/// The column that the engine does not know.
fn unknown_column(error: &DataFusionError) -> Option<String> {
    match error.find_root() {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } if field.relation.is_none() => Some(field.name.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// What is wrong, in a line, without the engine's names for kinds of errors.
fn reason(error: &DataFusionError) -> String {
    let message = match error.find_root() {
        DataFusionError::ArrowError(error, _) => error.to_string(),
        DataFusionError::Plan(message) if message.starts_with("Invalid function") => {
            format!("{message} There are only functions of one row")
        }
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => message.clone(),
        DataFusionError::SchemaError(error, _) => error.to_string(),
        DataFusionError::SQL(error, _) => match error.as_ref() {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.clone(),
            ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        },
        // What follows is how the engine sees it.
        DataFusionError::NotImplemented(message) => {
            let what = message.split(": ").next().unwrap_or_default();
            format!("this is beyond expressions of one row: {what}")
        }
        DataFusionError::Internal(_) => "this is beyond expressions of one row".to_owned(),
        other => other.strip_backtrace(),
    };
    message.replace('\n', " ")
}
