//! The model run by `rten`: in Rust alone, with no library of the system's.

use std::sync::Arc;

use rten::{
    Model as Graph, ModelOptions, NodeId, NodeInfo, OpRegistry, RunOptions, ThreadPool, Value,
    ValueOrView, op_registry,
};

use super::engine::Network;
use super::error::EmbedError;
use super::model::Model;
use super::pool::{Batch, Output};

/// What an output is called that holds a vector for each token.
const OUTPUTS: [&str; 2] = ["last_hidden_state", "token_embeddings"];

pub(super) struct Encoder {
    graph: Graph,
    inputs: Vec<(NodeId, Input)>,
    output: NodeId,
    threads: Arc<ThreadPool>,
}

/// What an encoder may want to know of a text.
#[derive(Debug, Clone, Copy)]
enum Input {
    Ids,
    Mask,
    /// Which of two texts a token belongs to; there is only one here.
    Kinds,
}

impl Encoder {
    /// Reads the model. `Broken` where a file is not what the manifest says, or the graph asks for what is not known.
    pub(super) fn load(model: &Model) -> Result<Self, EmbedError> {
        let mut options = ModelOptions::with_ops(operators());
        if let Some((name, weights)) = model.weights()? {
            options.external_data(name, weights);
        }
        let graph = options
            .load(model.graph()?)
            .map_err(|error| model.unusable(format!("its graph cannot be loaded: {error}")))?;
        let inputs = inputs(&graph)
            .map_err(|name| model.unusable(format!("its graph asks for the input `{name}`")))?;
        let named = OUTPUTS.iter().find_map(|name| graph.find_node(name));
        let Some(output) = named.or_else(|| graph.output_ids().first().copied()) else {
            return Err(model.unusable("its graph gives nothing"));
        };
        Ok(Self { graph, inputs, output, threads: Arc::new(ThreadPool::with_num_threads(1)) })
    }
}

impl Network for Encoder {
    fn run(&mut self, batch: &Batch) -> Result<Output, String> {
        let shape = [batch.rows(), batch.width];
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = Vec::new();
        for (id, input) in &self.inputs {
            let values = match input {
                Input::Ids => batch.ids.clone(),
                Input::Mask => batch.mask.clone(),
                Input::Kinds => vec![0; batch.ids.len()],
            };
            let value = Value::from_shape(shape, values).map_err(|error| error.to_string())?;
            inputs.push((*id, value.into()));
        }
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let outputs = self
            .graph
            .run(inputs, &[self.output], Some(options))
            .map_err(|error| error.to_string())?;
        let Some(Value::FloatTensor(output)) = outputs.into_iter().next() else {
            return Err("it gives no floating-point numbers".to_owned());
        };
        Ok(Output {
            shape: rten_tensor::Layout::shape(&output).to_vec(),
            values: output.into_data(),
        })
    }
}

/// What the graph wants to be given, or the name of an input that is not known.
fn inputs(graph: &Graph) -> Result<Vec<(NodeId, Input)>, String> {
    let named = graph.input_ids().iter().map(|id| {
        let node = graph.node_info(*id);
        let input = match node.as_ref().and_then(NodeInfo::name).unwrap_or_default() {
            "input_ids" => Input::Ids,
            "attention_mask" => Input::Mask,
            "token_type_ids" => Input::Kinds,
            name => return Err(name.to_owned()),
        };
        Ok((*id, input))
    });
    named.collect()
}

// Left as it is, since it would be a word a line.
#[rustfmt::skip]
/// What text encoders are made of; operators that are not named stay out of the program.
fn operators() -> OpRegistry {
    op_registry!(
        Abs, Add, And, Cast, CastLike, Clip, Concat, ConstantOfShape, Cos, CumSum, DequantizeLinear, Div,
        DynamicQuantizeLinear, Einsum, Equal, Erf, Exp, Expand, Flatten, Gather, GatherElements, GatherND, Gelu, Gemm,
        Greater, GreaterOrEqual, Identity, LayerNormalization, Less, LessOrEqual, Log, MatMul, MatMulInteger, Max, Min,
        Mod, Mul, Neg, Not, Or, Pow, QuantizeLinear, Range, Reciprocal, ReduceL2, ReduceMax, ReduceMean, ReduceMin,
        ReduceSum, ReduceSumSquare, Relu, Reshape, ScatterND, Shape, Sigmoid, Sign, Sin, Size, Slice, Softmax, Split,
        Sqrt, Squeeze, Sub, Tanh, Tile, Transpose, Trilu, Unsqueeze, Where
    )
}
