//! What an expression must not do: look beyond its row, or let values from records say how much memory or time it takes.

use datafusion_common::DataFusionError;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::expr::{Like, ScalarFunction};
use datafusion_expr::{BinaryExpr, Expr, Operator};

/// Functions whose memory is more than that of their arguments together, or whose time is that of one argument for each
/// character of another; and which of their arguments, from 0, therefore have to stand in the expression itself.
const LITERAL_ARGUMENTS: &[(&str, &[usize])] = &[
    ("levenshtein", &[1]),
    ("lpad", &[1, 2]),
    ("regexp_count", &[1, 2, 3]),
    ("regexp_instr", &[1, 2, 3, 4, 5]),
    ("regexp_like", &[1, 2]),
    ("regexp_match", &[1, 2]),
    ("regexp_replace", &[1, 2, 3]),
    ("repeat", &[1]),
    ("replace", &[2]),
    ("rpad", &[1, 2]),
    ("to_char", &[1]),
];

/// Refuses what has no bounds. The expression is simplified: what can be computed beforehand has been.
pub(super) fn check(expression: &Expr) -> Result<(), DataFusionError> {
    expression.apply(|part| {
        if matches!(
            part,
            Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_)
        ) {
            return Err(DataFusionError::Plan("an expression sees one row and has no subqueries".to_owned()));
        }
        match unbounded(part) {
            Some(what) => {
                Err(DataFusionError::Plan(format!("{what} has to be a literal, not something from a record")))
            }
            None => Ok(TreeNodeRecursion::Continue),
        }
    })?;
    Ok(())
}

fn unbounded(part: &Expr) -> Option<String> {
    let pattern = || Some("a pattern".to_owned());
    match part {
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let (name, places) = LITERAL_ARGUMENTS.iter().find(|(name, _)| *name == func.name())?;
            let place = places.iter().find(|place| args.get(**place).is_some_and(|arg| !is_literal(arg)))?;
            Some(format!("argument {} of {name}", place + 1))
        }
        Expr::SimilarTo(Like { pattern: arg, .. }) | Expr::Like(Like { pattern: arg, .. })
            if !is_literal(arg) =>
        {
            pattern()
        }
        Expr::BinaryExpr(BinaryExpr { op, right, .. }) if is_match(op) && !is_literal(right) => pattern(),
        _ => None,
    }
}

fn is_literal(argument: &Expr) -> bool {
    match argument {
        Expr::Literal(..) => true,
        Expr::Cast(cast) => is_literal(&cast.expr),
        _ => false,
    }
}

fn is_match(operator: &Operator) -> bool {
    use Operator::*;
    matches!(
        operator,
        RegexMatch
            | RegexIMatch
            | RegexNotMatch
            | RegexNotIMatch
            | LikeMatch
            | ILikeMatch
            | NotLikeMatch
            | NotILikeMatch
    )
}
